-- What others made in production's database and the program only reads or fills (production.md 7): the part of it
-- that the schema Job, the test users and the fakes need.
CREATE TABLE "Country" ("countryCode" CHAR(2) PRIMARY KEY, "countryName" TEXT NOT NULL, "region" TEXT);
CREATE TYPE "UserProfileStatus" AS ENUM ('REGISTERED', 'PENDING_ADMIN_APPROVAL', 'APPROVED_PENDING_ONCHAIN', 'DENIED',
  'ACTIVE', 'FROZEN', 'SUSPENDED', 'CLOSED');
CREATE TABLE "UserProfile" (
  "profileId" TEXT PRIMARY KEY, "tenantId" TEXT NOT NULL, "firstName" TEXT NOT NULL, "lastName" TEXT NOT NULL,
  "biometricHash" TEXT NOT NULL UNIQUE, "passwordHash" TEXT NOT NULL, "updatedAt" TIMESTAMPTZ(3) NOT NULL,
  "createdAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  "status" "UserProfileStatus" NOT NULL DEFAULT 'REGISTERED', "isLocked" BOOLEAN NOT NULL DEFAULT false,
  "email" TEXT UNIQUE, "gender" TEXT, "dateOfBirth" DATE,
  "nationalityCountryCode" CHAR(2) REFERENCES "Country" ON DELETE SET NULL ON UPDATE CASCADE, "onchainStatus" TEXT,
  "fabricUserId" TEXT UNIQUE);
CREATE TABLE "Wallet" (
  "walletId" TEXT PRIMARY KEY, "tenantId" TEXT NOT NULL,
  "profileId" TEXT NOT NULL REFERENCES "UserProfile" ON DELETE CASCADE, "primaryAccountId" TEXT NOT NULL,
  "walletName" TEXT NOT NULL, "cachedBalance" DECIMAL(36,9) NOT NULL DEFAULT 0, "deletedAt" TIMESTAMPTZ(3),
  "createdAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP, "updatedAt" TIMESTAMPTZ(3) NOT NULL,
  UNIQUE ("tenantId", "primaryAccountId"));
CREATE TYPE "OutboxStatus" AS ENUM ('PENDING', 'LOCKED', 'SUBMITTED', 'COMMITTED', 'FAILED');
CREATE TABLE "OutboxCommand" (
  "id" TEXT PRIMARY KEY, "tenantId" TEXT NOT NULL, "service" TEXT NOT NULL, "requestId" TEXT NOT NULL,
  "commandType" TEXT NOT NULL,  -- an enum in production; the sources do not list its values
  "payload" JSONB NOT NULL, "status" "OutboxStatus" NOT NULL DEFAULT 'PENDING', "attempts" INTEGER NOT NULL DEFAULT 0,
  "lockedBy" TEXT, "lockedAt" TIMESTAMPTZ(3), "submittedAt" TIMESTAMPTZ(3), "fabricTxId" TEXT, "errorCode" TEXT,
  "error" TEXT, "commitBlock" BIGINT, "createdAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  "updatedAt" TIMESTAMPTZ(3) NOT NULL, UNIQUE ("tenantId", "requestId"));
CREATE TABLE "ProjectorState" (
  "tenantId" TEXT, "projectorName" TEXT, "channel" TEXT, "lastBlock" BIGINT NOT NULL, "lastEventIndex" INTEGER NOT NULL,
  "updatedAt" TIMESTAMPTZ(3) NOT NULL, PRIMARY KEY ("tenantId", "projectorName", "channel"));
