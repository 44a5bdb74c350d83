-- Groups of files of which a signature could not be had although nothing of them has changed: they are looked at again, and no others.
alter table upstream_state add column look_again text[] not null default '{}';
