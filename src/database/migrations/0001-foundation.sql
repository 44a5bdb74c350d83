-- What every part of the server stands on: settings, access tokens, the audit trail, idempotency of orders, and the nodes.

CREATE TABLE setting (
  key text NOT NULL,
  value jsonb NOT NULL,
  updated_at timestamptz NOT NULL DEFAULT now(),
  updated_by text,
  CONSTRAINT setting_pk PRIMARY KEY (key)
);

-- Only the SHA-256 of a token is kept; the prefix lets a person recognise a token without being able to use it.
CREATE TABLE api_token (
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  name text NOT NULL,
  token_hash bytea NOT NULL,
  token_prefix text NOT NULL,
  role text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  created_by text,
  expires_at timestamptz,
  revoked_at timestamptz,
  last_used_at timestamptz,
  CONSTRAINT api_token_pk PRIMARY KEY (id),
  CONSTRAINT api_token_hash_unique UNIQUE (token_hash),
  CONSTRAINT api_token_hash_is_sha256 CHECK (octet_length(token_hash) = 32),
  CONSTRAINT api_token_role_known CHECK (role IN ('administrator', 'operator', 'viewer'))
);

-- Who did what to what. No foreign keys: an entry outlives its actor and its object.
CREATE TABLE audit_entry (
  id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
  at timestamptz NOT NULL DEFAULT now(),
  actor text NOT NULL,
  action text NOT NULL,
  object text,
  details jsonb NOT NULL DEFAULT '{}',
  request_id text,
  CONSTRAINT audit_entry_pk PRIMARY KEY (id)
);
CREATE INDEX audit_entry_at ON audit_entry (at);

-- The answer that was given to a request with this key; status and response stay null while it is being worked on.
CREATE TABLE idempotency_key (
  scope text NOT NULL,
  key text NOT NULL,
  request_hash bytea NOT NULL,
  status integer,
  response jsonb,
  created_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT idempotency_key_pk PRIMARY KEY (scope, key),
  CONSTRAINT idempotency_key_status_is_http CHECK (status BETWEEN 100 AND 599)
);
CREATE INDEX idempotency_key_created_at ON idempotency_key (created_at);

-- One row per server process; a node whose heartbeat is old is gone.
CREATE TABLE node (
  id uuid NOT NULL,
  name text NOT NULL,
  pid integer NOT NULL,
  started_at timestamptz NOT NULL,
  heartbeat_at timestamptz NOT NULL,
  version text NOT NULL,
  CONSTRAINT node_pk PRIMARY KEY (id)
);
