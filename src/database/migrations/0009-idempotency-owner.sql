-- Whose reservation it is: an order that a repeat has taken over must not be carried out by the one that came first.
alter table idempotency_key add column owner uuid not null default gen_random_uuid();
-- What an upload has made is kept now, no longer the whole answer.
update idempotency_key set response = jsonb_build_object('releaseId', response -> 'id', 'published', response -> 'published',
    'snapshotId', response -> 'snapshotId', 'warnings', response -> 'warnings')
  where scope = 'uploads' and status is not null;
