-- The messaging tables of svc-messaging: 4 enums, 8 tables. Safe to run again: what is there stays as it is.
-- Column names follow the service's own client. Run inside one transaction by apply.sh.

DO $$
DECLARE
  wanted CONSTANT jsonb := '{
    "ConversationType": ["DIRECT", "GROUP"],
    "ParticipantRole": ["OWNER", "ADMIN", "MEMBER"],
    "MessageType": ["TEXT", "VOICE", "FILE", "IMAGE", "SYSTEM", "TRANSACTION_REF"],
    "MessageStatus": ["SENDING", "SENT", "DELIVERED", "READ", "FAILED"]}';
  enum_name text;
  labels jsonb;
  label text;
BEGIN
  FOR enum_name, labels IN SELECT * FROM jsonb_each(wanted) LOOP
    IF to_regtype(quote_ident(enum_name)) IS NULL THEN
      EXECUTE format('CREATE TYPE %I AS ENUM (%s)', enum_name,
        (SELECT string_agg(quote_literal(value), ', ' ORDER BY position)
           FROM jsonb_array_elements_text(labels) WITH ORDINALITY AS item(value, position)));
    END IF;
    FOR label IN SELECT jsonb_array_elements_text(labels) LOOP
      EXECUTE format('ALTER TYPE %I ADD VALUE IF NOT EXISTS %L', enum_name, label);
    END LOOP;
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
CREATE INDEX IF NOT EXISTS "Conversation_tenantId_type_idx" ON "Conversation" ("tenantId", "type");
CREATE INDEX IF NOT EXISTS "Conversation_tenantId_lastMessageAt_idx" ON "Conversation" ("tenantId", "lastMessageAt");
CREATE INDEX IF NOT EXISTS "Conversation_linkedTransactionId_idx" ON "Conversation" ("linkedTransactionId");

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
CREATE UNIQUE INDEX IF NOT EXISTS "ConversationParticipant_tenantId_conversationId_profileId_key"
  ON "ConversationParticipant" ("tenantId", "conversationId", "profileId");
CREATE INDEX IF NOT EXISTS "ConversationParticipant_tenantId_profileId_idx"
  ON "ConversationParticipant" ("tenantId", "profileId");
CREATE INDEX IF NOT EXISTS "ConversationParticipant_conversationId_idx" ON "ConversationParticipant" ("conversationId");

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
ALTER TABLE "Message" ADD COLUMN IF NOT EXISTS "fileName" TEXT;
ALTER TABLE "Message" ADD COLUMN IF NOT EXISTS "fileMimeType" TEXT;
ALTER TABLE "Message" ADD COLUMN IF NOT EXISTS "fileStorageKey" TEXT;
ALTER TABLE "Message" ADD COLUMN IF NOT EXISTS "fileSize" INTEGER;
CREATE INDEX IF NOT EXISTS "Message_tenantId_conversationId_createdAt_idx"
  ON "Message" ("tenantId", "conversationId", "createdAt");
CREATE INDEX IF NOT EXISTS "Message_senderProfileId_idx" ON "Message" ("senderProfileId");
CREATE INDEX IF NOT EXISTS "Message_linkedTransactionId_idx" ON "Message" ("linkedTransactionId");
CREATE INDEX IF NOT EXISTS "Message_status_idx" ON "Message" ("status");

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
CREATE UNIQUE INDEX IF NOT EXISTS "MessageDeliveryReceipt_messageId_recipientProfileId_key"
  ON "MessageDeliveryReceipt" ("messageId", "recipientProfileId");
CREATE INDEX IF NOT EXISTS "MessageDeliveryReceipt_tenantId_recipientProfileId_idx"
  ON "MessageDeliveryReceipt" ("tenantId", "recipientProfileId");

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
CREATE UNIQUE INDEX IF NOT EXISTS "UserSignalKey_tenantId_profileId_isActive_key"
  ON "UserSignalKey" ("tenantId", "profileId", "isActive");
CREATE INDEX IF NOT EXISTS "UserSignalKey_profileId_idx" ON "UserSignalKey" ("profileId");

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
CREATE UNIQUE INDEX IF NOT EXISTS "SignalPreKey_userKeyId_keyIndex_key" ON "SignalPreKey" ("userKeyId", "keyIndex");
CREATE INDEX IF NOT EXISTS "SignalPreKey_tenantId_isUsed_idx" ON "SignalPreKey" ("tenantId", "isUsed");

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
CREATE UNIQUE INDEX IF NOT EXISTS "GroupEncryptionKey_conversationId_keyVersion_key"
  ON "GroupEncryptionKey" ("conversationId", "keyVersion");
CREATE INDEX IF NOT EXISTS "GroupEncryptionKey_tenantId_conversationId_isActive_idx"
  ON "GroupEncryptionKey" ("tenantId", "conversationId", "isActive");

-- The hand-written table of mainnet has other names than the client uses: renamed in place, no row is touched.
DO $$
DECLARE
  renames CONSTANT text[][] := ARRAY[
    ['participantKeyId', 'id'], ['profileId', 'participantProfileId'], ['wrappedKey', 'encryptedKey']];
  pair text[];
BEGIN
  FOREACH pair SLICE 1 IN ARRAY renames LOOP
    IF EXISTS (SELECT FROM information_schema.columns WHERE table_schema = current_schema()
                 AND table_name = 'GroupParticipantKey' AND column_name = pair[1]) THEN
      EXECUTE format('ALTER TABLE "GroupParticipantKey" RENAME COLUMN %I TO %I', pair[1], pair[2]);
    END IF;
  END LOOP;
END $$;
CREATE TABLE IF NOT EXISTS "GroupParticipantKey" (
  "id" TEXT PRIMARY KEY DEFAULT gen_random_uuid()::text,
  "tenantId" TEXT NOT NULL,
  "groupKeyId" TEXT NOT NULL REFERENCES "GroupEncryptionKey" ("keyId") ON DELETE CASCADE,
  "participantProfileId" TEXT NOT NULL,
  "encryptedKey" TEXT NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS "GroupParticipantKey_groupKeyId_participantProfileId_key"
  ON "GroupParticipantKey" ("groupKeyId", "participantProfileId");
CREATE INDEX IF NOT EXISTS "GroupParticipantKey_participantProfileId_idx"
  ON "GroupParticipantKey" ("participantProfileId");
