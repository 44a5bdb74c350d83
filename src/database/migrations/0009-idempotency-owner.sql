-- Whose reservation it is: an order that a repeat has taken over must not be carried out by the one that came first.
alter table idempotency_key add column owner uuid not null default gen_random_uuid();
