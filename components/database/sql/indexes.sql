-- Indexes of the messaging tables, named as the service's own client names them.
CREATE INDEX "Conversation_tenantId_type_idx" ON "Conversation" ("tenantId", "type");
CREATE INDEX "Conversation_tenantId_lastMessageAt_idx" ON "Conversation" ("tenantId", "lastMessageAt");
CREATE INDEX "Conversation_linkedTransactionId_idx" ON "Conversation" ("linkedTransactionId");
CREATE UNIQUE INDEX "ConversationParticipant_tenantId_conversationId_profileId_key"
  ON "ConversationParticipant" ("tenantId", "conversationId", "profileId");
CREATE INDEX "ConversationParticipant_tenantId_profileId_idx"
  ON "ConversationParticipant" ("tenantId", "profileId");
CREATE INDEX "ConversationParticipant_conversationId_idx" ON "ConversationParticipant" ("conversationId");
CREATE INDEX "Message_tenantId_conversationId_createdAt_idx"
  ON "Message" ("tenantId", "conversationId", "createdAt");
CREATE INDEX "Message_senderProfileId_idx" ON "Message" ("senderProfileId");
CREATE INDEX "Message_linkedTransactionId_idx" ON "Message" ("linkedTransactionId");
CREATE INDEX "Message_status_idx" ON "Message" ("status");
CREATE UNIQUE INDEX "MessageDeliveryReceipt_messageId_recipientProfileId_key"
  ON "MessageDeliveryReceipt" ("messageId", "recipientProfileId");
CREATE INDEX "MessageDeliveryReceipt_tenantId_recipientProfileId_idx"
  ON "MessageDeliveryReceipt" ("tenantId", "recipientProfileId");
CREATE UNIQUE INDEX "UserSignalKey_tenantId_profileId_isActive_key"
  ON "UserSignalKey" ("tenantId", "profileId", "isActive");
CREATE INDEX "UserSignalKey_profileId_idx" ON "UserSignalKey" ("profileId");
CREATE UNIQUE INDEX "SignalPreKey_userKeyId_keyIndex_key" ON "SignalPreKey" ("userKeyId", "keyIndex");
CREATE INDEX "SignalPreKey_tenantId_isUsed_idx" ON "SignalPreKey" ("tenantId", "isUsed");
CREATE UNIQUE INDEX "GroupEncryptionKey_conversationId_keyVersion_key"
  ON "GroupEncryptionKey" ("conversationId", "keyVersion");
CREATE INDEX "GroupEncryptionKey_tenantId_conversationId_isActive_idx"
  ON "GroupEncryptionKey" ("tenantId", "conversationId", "isActive");
CREATE UNIQUE INDEX "GroupParticipantKey_groupKeyId_participantProfileId_key"
  ON "GroupParticipantKey" ("groupKeyId", "participantProfileId");
CREATE INDEX "GroupParticipantKey_participantProfileId_idx"
  ON "GroupParticipantKey" ("participantProfileId");
