-- The messaging tables of svc-messaging: 4 enums, 8 tables, in the first schema of the search path. What is there
-- stays as it is. Column names follow the service's own client. Indexes stand in indexes.sql.

DO $$
DECLARE
  wanted CONSTANT jsonb := '{
    "ConversationType": ["DIRECT", "GROUP"],
    "ParticipantRole": ["OWNER", "ADMIN", "MEMBER"],
    "MessageType": ["TEXT", "VOICE", "FILE", "IMAGE", "SYSTEM", "TRANSACTION_REF"],
    "MessageStatus": ["SENDING", "SENT", "DELIVERED", "READ", "FAILED"]}';
  enum_name text;
  labels jsonb;
BEGIN
  FOR enum_name, labels IN SELECT * FROM jsonb_each(wanted) LOOP
    IF NOT EXISTS (SELECT FROM pg_type WHERE typname = enum_name AND typnamespace = current_schema()::regnamespace) THEN
      EXECUTE format('CREATE TYPE %I AS ENUM (%s)', enum_name,
        (SELECT string_agg(quote_literal(value), ', ' ORDER BY position)
           FROM jsonb_array_elements_text(labels) WITH ORDINALITY AS item(value, position)));
    END IF;
  END LOOP;
END $$;

CREATE TABLE IF NOT EXISTS "Conversation" (
  "conversationId" TEXT PRIMARY KEY DEFAULT gen_random_uuid()::text,
  "tenantId" TEXT NOT NULL,
  "type" "ConversationType" NOT NULL,
  "name" TEXT,
  "description" TEXT,
  "avatarUrl" TEXT,
  "linkedTransactionId" TEXT,
  "isArchived" BOOLEAN NOT NULL DEFAULT false,
  "deletedAt" TIMESTAMPTZ(3),
  "lastMessageAt" TIMESTAMPTZ(3),
  "createdAt" TIMESTAMPTZ(3) NOT NULL DEFAULT now(),
  "updatedAt" TIMESTAMPTZ(3) NOT NULL DEFAULT now()
);

CREATE TABLE IF NOT EXISTS "ConversationParticipant" (
  "participantId" TEXT PRIMARY KEY DEFAULT gen_random_uuid()::text,
  "tenantId" TEXT NOT NULL,
  "conversationId" TEXT NOT NULL REFERENCES "Conversation" ("conversationId") ON DELETE CASCADE,
  "profileId" TEXT NOT NULL,
  "role" "ParticipantRole" NOT NULL DEFAULT 'MEMBER',
  "canSendMessages" BOOLEAN NOT NULL DEFAULT true,
  "lastReadAt" TIMESTAMPTZ(3),
  "unreadCount" INTEGER NOT NULL DEFAULT 0,
  "isMuted" BOOLEAN NOT NULL DEFAULT false,
  "muteExpiresAt" TIMESTAMPTZ(3),
  "joinedAt" TIMESTAMPTZ(3) NOT NULL DEFAULT now(),
  "leftAt" TIMESTAMPTZ(3),
  "removedBy" TEXT
);

CREATE TABLE IF NOT EXISTS "Message" (
  "messageId" TEXT PRIMARY KEY DEFAULT gen_random_uuid()::text,
  "tenantId" TEXT NOT NULL,
  "conversationId" TEXT NOT NULL REFERENCES "Conversation" ("conversationId") ON DELETE CASCADE,
  "senderProfileId" TEXT NOT NULL,
  "type" "MessageType" NOT NULL,
  "encryptedContent" TEXT NOT NULL,
  "contentNonce" TEXT NOT NULL,
  "encryptionKeyId" TEXT NOT NULL,
  "voiceDurationMs" INTEGER,
  "voiceStorageKey" TEXT,
  "voiceFileHash" TEXT,
  "linkedTransactionId" TEXT,
  "replyToMessageId" TEXT,
  "status" "MessageStatus" NOT NULL DEFAULT 'SENDING',
  "masterKeyWrappedContent" TEXT,
  "fileName" TEXT,
  "fileMimeType" TEXT,
  "fileStorageKey" TEXT,
  "fileSize" INTEGER,
  "createdAt" TIMESTAMPTZ(3) NOT NULL DEFAULT now(),
  "editedAt" TIMESTAMPTZ(3),
  "deletedAt" TIMESTAMPTZ(3)
);

CREATE TABLE IF NOT EXISTS "MessageDeliveryReceipt" (
  "receiptId" TEXT PRIMARY KEY DEFAULT gen_random_uuid()::text,
  "tenantId" TEXT NOT NULL,
  "messageId" TEXT NOT NULL REFERENCES "Message" ("messageId") ON DELETE CASCADE,
  "recipientProfileId" TEXT NOT NULL,
  "deliveredAt" TIMESTAMPTZ(3),
  "readAt" TIMESTAMPTZ(3),
  "failedAt" TIMESTAMPTZ(3),
  "failureReason" TEXT
);

-- Unique over (tenantId, profileId, isActive) as the client expects: only one revoked row per user fits.
CREATE TABLE IF NOT EXISTS "UserSignalKey" (
  "keyId" TEXT PRIMARY KEY DEFAULT gen_random_uuid()::text,
  "tenantId" TEXT NOT NULL,
  "profileId" TEXT NOT NULL,
  "identityKeyPublic" TEXT NOT NULL,
  "identityKeyPrivate" TEXT NOT NULL,
  "registrationId" INTEGER NOT NULL,
  "signedPreKeyId" INTEGER NOT NULL,
  "signedPreKeyPublic" TEXT NOT NULL,
  "signedPreKeyPrivate" TEXT NOT NULL,
  "signedPreKeySignature" TEXT NOT NULL,
  "isActive" BOOLEAN NOT NULL DEFAULT true,
  "createdAt" TIMESTAMPTZ(3) NOT NULL DEFAULT now(),
  "revokedAt" TIMESTAMPTZ(3)
);

CREATE TABLE IF NOT EXISTS "SignalPreKey" (
  "preKeyId" TEXT PRIMARY KEY DEFAULT gen_random_uuid()::text,
  "tenantId" TEXT NOT NULL,
  "userKeyId" TEXT NOT NULL REFERENCES "UserSignalKey" ("keyId") ON DELETE CASCADE,
  "keyIndex" INTEGER NOT NULL,
  "publicKey" TEXT NOT NULL,
  "privateKey" TEXT NOT NULL,
  "isUsed" BOOLEAN NOT NULL DEFAULT false,
  "usedAt" TIMESTAMPTZ(3),
  "createdAt" TIMESTAMPTZ(3) NOT NULL DEFAULT now()
);

CREATE TABLE IF NOT EXISTS "GroupEncryptionKey" (
  "keyId" TEXT PRIMARY KEY DEFAULT gen_random_uuid()::text,
  "tenantId" TEXT NOT NULL,
  "conversationId" TEXT NOT NULL REFERENCES "Conversation" ("conversationId") ON DELETE CASCADE,
  "keyVersion" INTEGER NOT NULL,
  "createdByProfileId" TEXT NOT NULL,
  "masterKeyWrapped" TEXT NOT NULL,
  "isActive" BOOLEAN NOT NULL DEFAULT true,
  "createdAt" TIMESTAMPTZ(3) NOT NULL DEFAULT now(),
  "rotatedAt" TIMESTAMPTZ(3)
);

CREATE TABLE IF NOT EXISTS "GroupParticipantKey" (
  "id" TEXT PRIMARY KEY DEFAULT gen_random_uuid()::text,
  "tenantId" TEXT NOT NULL,
  "groupKeyId" TEXT NOT NULL REFERENCES "GroupEncryptionKey" ("keyId") ON DELETE CASCADE,
  "participantProfileId" TEXT NOT NULL,
  "encryptedKey" TEXT NOT NULL
);
