-- The states of conversations, as JdbcStateStore keeps them in PostgreSQL.
create table if not exists rwkv_state (
    tenant       text not null,
    id           text     not null,                  -- random, written once
    conversation text not null,                      -- what is deleted together and shares a quota
    prefix       text     not null,                  -- hash of the past's tokens
    tokens       bigint not null,                    -- how many they are
    created      timestamp with time zone not null,
    used         timestamp with time zone not null,  -- the least recently used make room for others
    bytes        bigint not null,                    -- length of data
    data         bytea not null,
    primary key (tenant, id)
);

-- States don't shrink under PostgreSQL's compression: trying costs more than writing.
alter table rwkv_state alter column data set storage external;

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

insert into rwkv_state_usage (only_row, states, bytes) values (true, 0, 0) on conflict do nothing;
