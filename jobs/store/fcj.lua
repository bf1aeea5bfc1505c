#!lua name=fcj

-- fcj.lua - every transition of a job, each one atomic step.
--
-- A function checks the token and the state, changes the record and the sets
-- that it is in, and adds one event. It may be repeated with the same
-- arguments: what has been done already is answered like what was done now.
-- Every key that is touched is in KEYS, under one hash tag, so the library
-- works in a cluster. Times come in as arguments (the broker's clock).
-- The answer is a msgpack map; a refusal is {error = reason, text = ...}.
-- The keys and the record's fields are described in store.h.

local EVENTS_MAX = 20000

local function answer (map)
    return cmsgpack.pack (map)
end

-- cmsgpack packs an empty table as an array; a map stays a map here.
local function answer_with (map, name, inner)
    local count = 1
    for _ in pairs (map) do count = count + 1 end
    local packed = cmsgpack.pack (map)
    local rest = count > 1 and packed:sub (2) or ''
    local value = next (inner) and cmsgpack.pack (inner) or '\128'
    return string.char (128 + count) .. rest .. cmsgpack.pack (name) .. value
end

local function refuse (reason, text)
    return answer {error = reason, text = text}
end

local function event (stream, id, state, attempt, reason)
    redis.call ('XADD', stream, 'MAXLEN', '~', EVENTS_MAX, '*', 'id', id,
                'state', state, 'attempt', attempt or 0,
                'reason', reason or '')
end

local function fields (key, ...)
    local values = redis.call ('HMGET', key, ...)
    for n = 1, #values do
        values[n] = values[n] or nil
    end
    return unpack (values, 1, select ('#', ...))
end

local function terminal (state)
    return state == 'completed' or state == 'failed' or state == 'cancelled'
end

-- What a job that depends on these gets to see of them.
local function refs_of (keys, first, ids)
    local refs = {}
    for n = 1, #ids do
        local state, result, blob, artifacts =
            fields (keys[first + n - 1], 'state', 'result', 'result_blob',
                    'artifacts')
        refs[ids[n]] = {state = state or 'expired', result = result,
                        result_blob = blob, artifacts = artifacts}
    end
    return refs
end

local function slice (list, first, count)
    local out = {}
    for n = 1, count do out[n] = list[first + n - 1] end
    return out
end

local function set_lease (job, lease, events, id, args)
    redis.call ('HSET', job, 'state', 'running', 'attempt', args.attempt,
                'token', args.token, 'worker', args.worker,
                'leased', args.now)
    redis.call ('ZADD', lease, args.deadline, id)
    event (events, id, 'running', args.attempt)
end

-- KEYS job live lease owner events seq gone [idem] dependencies...
-- ARGV id owner submitted now ids_of_dependencies has_idem idem_ttl_s
--      request_hash ignored_id attempt token worker deadline, then the ids,
--      then the record's fields and values
local function fcj_submit (keys, args)
    local job, live, lease, owner, events = unpack (keys, 1, 5)
    local id, count = args[1], tonumber (args[5])
    local idem = args[6] == '1' and keys[8] or nil
    local first = idem and 9 or 8
    local ids = slice (args, 14, count)

    local states, ready = {}, true
    for n = 1, count do
        local whose, state = fields (keys[first + n - 1], 'owner', 'state')
        if whose == args[2] then
            states[ids[n]] = state
            ready = ready and state == 'completed'
        end
    end

    local whose, state, token, seq = fields (job, 'owner', 'state', 'token',
                                             'seq')
    if state and whose ~= args[2] then
        return refuse ('conflict', 'This id is taken; make a new one')
    end
    local fresh = not state
    if fresh and redis.call ('EXISTS', keys[7]) == 1 then
        return refuse ('expired', 'This job has ended and its record is gone')
    end
    if fresh and idem then
        local held = redis.call ('GET', idem)
        local old, hash = (held or ''):match ('^(%S+) (%S*)$')
        if old and old ~= args[9] then
            if hash ~= args[8] then
                return refuse ('conflict', 'This idempotency key was used ' ..
                    'for job ' .. old .. ' with other arguments; use ' ..
                    'another key, or repeat the same request')
            end
            return answer {existing = true, id = old}
        end
    end
    if fresh then
        for n = 1, count do
            if not states[ids[n]] then
                return refuse ('not_found', 'depends_on names the job ' ..
                    ids[n] .. ', which does not exist (any more)')
            end
        end
        seq = redis.call ('INCR', keys[6])
        redis.call ('HSET', job, 'state', 'queued', 'seq', seq,
                    unpack (args, 14 + count))
        redis.call ('ZADD', live, seq, id)
        redis.call ('ZADD', owner, seq, id)
        if idem then
            redis.call ('SET', idem, id .. ' ' .. args[8], 'EX', args[7])
        end
        event (events, id, 'queued')
        state = 'queued'
        if args[10] ~= '0' and ready then
            set_lease (job, lease, events, id,
                       {attempt = args[10], token = args[11],
                        worker = args[12], deadline = args[13],
                        now = args[4]})
            state, token = 'running', args[11]
        end
    end
    local leased = state == 'running' and token == args[11]
    local reply = {existing = false, id = id, state = state,
                   seq = tonumber (seq), leased = leased}
    if leased and count > 0 then
        reply.refs = refs_of (keys, first, ids)
    end
    return answer_with (reply, 'deps', states)
end

-- KEYS job lease events dependencies...
-- ARGV id attempt token worker deadline now ids...
local function fcj_lease (keys, args)
    local job = keys[1]
    local state, token, spec = fields (job, 'state', 'token', 'spec')
    if state == 'queued' then
        set_lease (job, keys[2], keys[3], args[1],
                   {attempt = args[2], token = args[3], worker = args[4],
                    deadline = args[5], now = args[6]})
    elseif state ~= 'running' or token ~= args[3] then
        return refuse ('stale', 'The job is not queued any more')
    end
    local ids = slice (args, 7, #args - 6)
    return answer_with ({spec = spec}, 'refs', refs_of (keys, 4, ids))
end

-- KEYS lease jobs...   ARGV deadline, then id and token of each
local function fcj_renew (keys, args)
    local renewed, stale = 0, {}
    for n = 2, #keys do
        local id, token = args[2 * n - 2], args[2 * n - 1]
        local state, current = fields (keys[n], 'state', 'token')
        if state == 'running' and current == token then
            redis.call ('ZADD', keys[1], 'XX', 'GT', args[1], id)
            renewed = renewed + 1
        else
            stale[#stale + 1] = id
        end
    end
    return answer {renewed = renewed, stale = stale}
end

local function runs (job, token)
    local state, current = fields (job, 'state', 'token')
    return state == 'running' and current == token
end

local STALE = 'Another attempt holds this job, or it has ended'

-- KEYS job   ARGV token at
local function fcj_started (keys, args)
    if not runs (keys[1], args[1]) then return refuse ('stale', STALE) end
    redis.call ('HSETNX', keys[1], 'started', args[2])
    return answer {state = 'running'}
end

-- How a job that was cancelled came to its end. Its state is final already;
-- this is said once and changes nothing else.
-- KEYS job   ARGV token by
local function fcj_ended (keys, args)
    local state, current = fields (keys[1], 'state', 'token')
    if state ~= 'cancelled' or current ~= args[1] then
        return refuse ('stale', STALE)
    end
    redis.call ('HSETNX', keys[1], 'ended_by', args[2])
    return answer {state = state}
end

-- KEYS job   ARGV token fraction message
local function fcj_progress (keys, args)
    if not runs (keys[1], args[1]) then return refuse ('stale', STALE) end
    redis.call ('HSET', keys[1], 'progress', args[2], 'message', args[3])
    return answer {state = 'running'}
end

-- KEYS job   ARGV token number json
local function fcj_ask (keys, args)
    if not runs (keys[1], args[1]) then return refuse ('stale', STALE) end
    redis.call ('HSET', keys[1], 'asking', args[2], 'ask', args[3])
    return answer {state = 'running'}
end

-- KEYS job   ARGV token number
local function fcj_answered (keys, args)
    if not runs (keys[1], args[1]) then return refuse ('stale', STALE) end
    if redis.call ('HGET', keys[1], 'asking') == args[2] then
        redis.call ('HDEL', keys[1], 'ask', 'asking')
    end
    return answer {state = 'running'}
end

-- The last step of every life; expiry counts from the broker's now.
local function finish (keys, id, state, reason, now)
    local job, live, lease, done, events = unpack (keys, 1, 5)
    local attempt, retention = fields (job, 'attempt', 'retention_s')
    redis.call ('HSET', job, 'state', state)
    redis.call ('HDEL', job, 'ask', 'asking')
    redis.call ('ZREM', live, id)
    redis.call ('ZREM', lease, id)
    redis.call ('ZADD', done,
                tonumber (now) + 1000 * tonumber (retention or 86400), id)
    event (events, id, state, attempt, reason)
end

-- KEYS job live lease done events
-- ARGV id token ('' for a queued job) state reason now, then fields
local function fcj_finish (keys, args)
    local job, token = keys[1], args[2]
    local state, current = fields (job, 'state', 'token')
    if terminal (state) then
        if state == args[3] and (current or '') == token then
            return answer {state = state, repeated = true}
        end
        return refuse ('stale', STALE)
    end
    local fits = token == '' and state == 'queued' or
                 token ~= '' and state == 'running' and current == token
    if not fits then return refuse ('stale', STALE) end
    redis.call ('HSET', job, unpack (args, 6))
    finish (keys, args[1], args[3], args[4], args[5])
    return answer {state = args[3], repeated = false}
end

-- An attempt that never ran (ran 0) is not counted in `attempt`, either.
-- KEYS job lease events   ARGV id token lost why ran
local function fcj_requeue (keys, args)
    local job = keys[1]
    local state, current, before, attempt, lost =
        fields (job, 'state', 'token', 'requeued', 'attempt', 'lost')
    lost = tonumber (lost or 0)
    if state == 'running' and current == args[2] then
        lost = lost + (args[3] == '1' and 1 or 0)
        if args[5] == '0' then attempt = math.max (attempt - 1, 0) end
        redis.call ('HSET', job, 'state', 'queued', 'lost', lost,
                    'attempt', attempt,
                    'requeued', args[2], 'ended',
                    cjson.encode {attempt = tonumber (attempt), why = args[4]})
        redis.call ('HDEL', job, 'token', 'worker', 'leased', 'started',
                    'progress', 'message', 'ask', 'asking')
        redis.call ('ZREM', keys[2], args[1])
        event (keys[3], args[1], 'queued', attempt,
               args[3] == '1' and 'worker_lost' or '')
    elseif state ~= 'queued' or before ~= args[2] then
        return refuse ('stale', STALE)
    end
    return answer {state = 'queued', lost = lost,
                   attempt = tonumber (attempt or 0)}
end

-- nil when the job is there for this owner ('': the operator), else refusal.
local function missing (job, gone, owner)
    local whose = redis.call ('HGET', job, 'owner')
    if whose and (owner == '' or whose == owner) then return nil end
    local grave = redis.call ('GET', gone)
    if not whose and grave and (owner == '' or grave == owner) then
        return 'expired'
    end
    return 'not_found'
end

local ABSENT = {expired = 'The job has ended and its record is gone; ' ..
                          'submit it again to have its result',
                not_found = 'There is no such job; list_jobs shows yours'}

-- KEYS job live lease done events gone   ARGV id owner now
local function fcj_cancel (keys, args)
    local absent = missing (keys[1], keys[6], args[2])
    if absent then return refuse (absent, ABSENT[absent]) end
    local was, token, worker = fields (keys[1], 'state', 'token', 'worker')
    if terminal (was) then return answer {state = was, was = was} end
    redis.call ('HSET', keys[1], 'finished', args[3])
    finish (keys, args[1], 'cancelled', '', args[3])
    return answer {state = 'cancelled', was = was, token = token,
                   worker = worker}
end

-- KEYS job done owner gone [idem]   ARGV id ttl_s
local function bury (keys, id, whose, ttl)
    redis.call ('ZREM', keys[2], id)
    redis.call ('ZREM', keys[3], id)
    if keys[5] then
        local held = redis.call ('GET', keys[5])
        -- a later job may have taken the key over
        if held and held:sub (1, #id) == id then
            redis.call ('DEL', keys[5])
        end
    end
    redis.call ('SET', keys[4], whose, 'EX', ttl)
    redis.call ('DEL', keys[1])
end

-- KEYS job done owner gone [idem]   ARGV id owner ttl_s
local function fcj_delete (keys, args)
    local absent = missing (keys[1], keys[4], args[2])
    if absent == 'expired' then return answer {state = 'deleted'} end
    if absent then return refuse (absent, ABSENT[absent]) end
    local state, whose = fields (keys[1], 'state', 'owner')
    if not terminal (state) then
        return refuse ('not_finished', 'The job is ' .. state ..
                       '; cancel it first')
    end
    bury (keys, args[1], whose, args[3])
    return answer {state = 'deleted'}
end

-- KEYS done, then job owner gone idem of each (gone again without an idem)
-- ARGV now ttl_s ids...
local function fcj_expire (keys, args)
    local expired = 0
    for n = 3, #args do
        local id, at = args[n], 2 + 4 * (n - 3)
        local due = redis.call ('ZSCORE', keys[1], id)
        if due and tonumber (due) <= tonumber (args[1]) then
            local whose = redis.call ('HGET', keys[at], 'owner')
            local idem = keys[at + 3] ~= keys[at + 2] and keys[at + 3] or nil
            bury ({keys[at], keys[1], keys[at + 1], keys[at + 2], idem}, id,
                  whose or '', args[2])
            expired = expired + 1
        end
    end
    return answer {expired = expired}
end

-- The lane gui is leased as a whole, to a worker through a broker's token. A
-- worker may come back through another broker; ttl 0 gives the lane up.
-- KEYS lane:gui   ARGV worker token ttl_ms
local function fcj_lane (keys, args)
    local mine = args[1] .. ' ' .. args[2]
    local held = redis.call ('GET', keys[1])
    local holder = held and held:match ('^(%S+)') or ''
    if args[3] == '0' then
        if held == mine then redis.call ('DEL', keys[1]) end
        return answer {mine = false, holder = held ~= mine and holder or ''}
    end
    if held and holder ~= args[1] then
        return answer {mine = false, holder = holder}
    end
    redis.call ('SET', keys[1], mine, 'PX', args[3])
    return answer {mine = true, holder = args[1]}
end

-- Only a submit is refused when Redis is full: the rest makes room.
-- (While a library loads, Redis offers no `pairs`.)
local function register (name, callback)
    redis.register_function {function_name = name, callback = callback,
                             flags = {'allow-oom'}}
end
redis.register_function ('fcj_submit', fcj_submit)
register ('fcj_lease', fcj_lease)
register ('fcj_renew', fcj_renew)
register ('fcj_started', fcj_started)
register ('fcj_progress', fcj_progress)
register ('fcj_ask', fcj_ask)
register ('fcj_answered', fcj_answered)
register ('fcj_ended', fcj_ended)
register ('fcj_finish', fcj_finish)
register ('fcj_requeue', fcj_requeue)
register ('fcj_cancel', fcj_cancel)
register ('fcj_delete', fcj_delete)
register ('fcj_expire', fcj_expire)
register ('fcj_lane', fcj_lane)
