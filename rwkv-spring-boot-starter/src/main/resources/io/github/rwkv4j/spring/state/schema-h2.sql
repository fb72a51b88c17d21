-- The states of conversations, as JdbcStateStore keeps them in H2.

-- A commit is written at once: by default H2 waits for half a second, and a process that dies takes it along.
set write_delay 0;

create table if not exists rwkv_state (
    tenant       character varying not null,
    id           character varying not null,          -- random, written once
    conversation character varying not null,         -- what is deleted together and shares a quota
    prefix       character varying not null,          -- hash of the past's tokens
    tokens       bigint not null,                    -- how many they are
    created      timestamp(6) with time zone not null,
    used         timestamp(6) with time zone not null, -- the least recently used make room for others
    bytes        bigint not null,                    -- length of data
    data         blob not null,
    primary key (tenant, id)
);

create index if not exists rwkv_state_conversation on rwkv_state (tenant, conversation);
create index if not exists rwkv_state_prefix on rwkv_state (tenant, prefix);
create index if not exists rwkv_state_created on rwkv_state (created);
create index if not exists rwkv_state_used on rwkv_state (used);

-- One row: what rwkv_state holds. Whoever adds or removes states locks it, so that replicas keep one limit together.
create table if not exists rwkv_state_usage (
    only_row boolean primary key check (only_row),
    states   bigint not null,
    bytes    bigint not null
);

insert into rwkv_state_usage (only_row, states, bytes)
select true, 0, 0 where not exists (select 1 from rwkv_state_usage);
