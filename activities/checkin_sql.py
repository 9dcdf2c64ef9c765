"""The two statements of a check-in: gather all facts, apply all effects.

Both take any number of scans of one local government as one JSON array, so a single scan, a
roster and an offline device's upload are the same code. Each scan's outcome is kept apart:
conditions are joins and `on conflict do nothing`, never errors.

Every subquery carries `limit 1` so that each is one index probe a scan, whatever the planner
believes about the size of a JSON array (as `exists` it would hash a whole local government).
The `offset 0` keeps COALESCE out of the index condition: under row level security PostgreSQL
takes it for leaky and would read the whole table instead.
"""

GATHER = """
with item as (
    select * from jsonb_to_recordset(cast(cast(:items as text) as jsonb)) as x(
        n int, source text, scan_id uuid, session_id uuid, card_ref text, member_number text,
        person_id uuid, code_hash text, roster boolean)
)
select
    i.n, prior.answer as prior,
    s.id as session_id, s.activity_id, s.starts_at, s.ends_at, s.state as session_state,
    s.capacity, s.taken, s.overnight,
    a.organisation_id, a.title, a.category, a.minutes_minimum, a.count_cap, a.late_night, a.walk_in,
    a.designated_on, a.withdrawn_at, a.attendance_mode,
    r.id as registration_id, r.person_id, r.status, r.tier, r.minor_until, r.display_name,
    c.card_ref, c.revoked_at as card_revoked_at, c.expires_on as card_expires_on,
    u.state as sign_up,
    (select k.at from check_in k where k.lg_code = :lg_code and k.session_id = s.id
        and k.person_id = r.person_id and k.direction = 'in' and k.annulled_at is null limit 1) as arrived_at,
    coalesce((select true from check_in k where k.lg_code = :lg_code and k.session_id = s.id
        and k.person_id = r.person_id and k.direction = 'out' and k.annulled_at is null limit 1), false) as gone,
    coalesce((select true from participation p where p.lg_code = :lg_code and p.person_id = r.person_id
        and p.day = (s.starts_at at time zone 'Asia/Tokyo')::date and p.counted limit 1), false) as counted_today,
    coalesce((select true from scan_attempt t where t.lg_code = :lg_code and t.code_hash = i.code_hash
        and t.outcome = 'accepted' and t.method = 'phone' limit 1), false) as code_seen,
    (select count(distinct t.source) from scan_attempt t where i.roster
        and t.lg_code = :lg_code and t.session_id = s.id and t.person_id = r.person_id
        and t.method = 'roster' and t.source <> i.source) as vouched,
    (select count(*) from participation p where p.lg_code = :lg_code
        and p.registration_id = r.id and p.counted and p.designated
        and p.day > (s.starts_at at time zone 'Asia/Tokyo')::date - 365) as counted_in_year
from item i
left join lateral (select answer from scan_attempt t where t.lg_code = :lg_code
    and t.source = i.source and t.scan_id = i.scan_id limit 1) prior on true
left join activity_session s on s.lg_code = :lg_code and s.id = i.session_id
left join activity a on a.lg_code = :lg_code and a.id = s.activity_id
left join lateral (select * from card q where q.lg_code = :lg_code
    and q.card_ref = i.card_ref limit 1) c on true
left join lateral (select person_id from registration q where q.lg_code = :lg_code
    and q.member_number = i.member_number limit 1) m on true
cross join lateral (select coalesce(i.person_id, c.person_id, m.person_id) as person_id
    offset 0) who
left join lateral (select * from registration q where q.lg_code = :lg_code
    and q.person_id = who.person_id limit 1) r on true
left join lateral (select state from sign_up q where q.lg_code = :lg_code
    and q.session_id = s.id and q.person_id = r.person_id limit 1) u on true
order by i.n
"""

APPLY = """
with item as materialized (
    select * from jsonb_to_recordset(cast(cast(:items as text) as jsonb)) as x(
        n int, source text, scan_id uuid, session_id uuid, activity_id uuid, person_id uuid,
        registration_id uuid, method text, direction text, code_hash text, outcome text,
        reason text, counts boolean, provisional boolean, offline boolean, assurance text,
        sequence int, scanned_at timestamptz, device_at timestamptz, offset_ms int,
        offset_method text, received_at timestamptz, answer jsonb, check_in_id uuid,
        participation_id uuid, day date, minutes int, minutes_minimum int, count_cap int, overnight boolean,
        category text, walk_in boolean, placed boolean, sign_up_id uuid, audit_id uuid, actor text,
        request_id text, notice_id uuid, delivery_id uuid, notice_key text, notice_facts jsonb)
), arrived as (
    insert into check_in (lg_code, id, session_id, person_id, direction, at, source, scan_id,
        method, assurance, provisional)
    select :lg_code, check_in_id, session_id, person_id, direction, scanned_at, source, scan_id,
        method, assurance, provisional
    from item where check_in_id is not null order by person_id, session_id, n
    on conflict do nothing returning id
), present as materialized (
    select item.* from item join arrived on arrived.id = item.check_in_id
    where item.direction = 'in'
), counted as (
    insert into participation (lg_code, id, person_id, registration_id, session_id, activity_id,
        day, designated, counted, minutes, minutes_minimum, count_cap, overnight_next_day, category,
        method, assurance, provisional, created_at)
    select :lg_code, participation_id, person_id, registration_id, session_id, activity_id, day,
        true, true, minutes, minutes_minimum, count_cap, overnight, category, method, assurance,
        provisional, received_at
    from present where counts order by person_id, day, n
    on conflict do nothing returning id
), uncounted as (
    insert into participation (lg_code, id, person_id, registration_id, session_id, activity_id,
        day, designated, counted, not_counted_reason, minutes, minutes_minimum,
        count_cap, overnight_next_day, category, method, assurance, provisional, created_at)
    select :lg_code, participation_id, person_id, registration_id, session_id, activity_id, day,
        true, false, 'same_day', minutes, minutes_minimum, count_cap, overnight, category, method, assurance,
        provisional, received_at
    from present where participation_id not in (select id from counted)
    order by person_id, day, n
    on conflict do nothing
), stayed as (
    update participation p set minutes = i.minutes
    from item i join arrived on arrived.id = i.check_in_id
    where i.direction = 'out' and i.minutes is not null and p.lg_code = :lg_code
        and p.session_id = i.session_id and p.person_id = i.person_id and p.annulled_at is null
), stays as (
    insert into stay_day (lg_code, person_id, day, registration_id, evidence, source_id, state,
        created_at)
    select :lg_code, person_id, day, registration_id, 'check_in', check_in_id, 'counted',
        received_at
    from (select distinct on (person_id, day) * from present order by person_id, day, n) one
    on conflict (lg_code, person_id, day) do update
        set state = 'counted', evidence = 'check_in', source_id = excluded.source_id
        where stay_day.state <> 'counted'
), seats as (
    update activity_session s set taken = s.taken + w.many
    from (select session_id, count(*) as many from present where walk_in group by session_id) w
    where s.lg_code = :lg_code and s.id = w.session_id
), placed as (
    insert into sign_up (lg_code, id, session_id, person_id, registration_id, state,
        insurance_proof, signed_up_at)
    select :lg_code, sign_up_id, session_id, person_id, registration_id, 'taken', false,
        received_at
    from present where placed
    on conflict (lg_code, session_id, person_id)
        do update set state = 'taken', ended_at = null, offer_until = null
), touched as (
    update registration r set last_access_on = w.day
    from (select registration_id, max(day) as day from present group by registration_id) w
    where r.lg_code = :lg_code and r.id = w.registration_id and r.last_access_on < w.day
), told as (
    insert into notice (id, person_id, lg_code, kind, period_key, facts, created_at)
    select notice_id, person_id, :lg_code, 'premium_within_reach', notice_key, notice_facts,
        received_at
    from present where notice_id is not null
    on conflict do nothing
), queued as (
    insert into delivery (id, notice_id, person_id, channel, state, available_at, tries)
    select delivery_id, notice_id, person_id, 'mail', 'queued', received_at, 0
    from present where notice_id is not null
    on conflict do nothing
), audited as (
    insert into audit_event (id, at, lg_code, actor, action, subject_kind, subject_id, person_id,
        row_count, outcome, request_id)
    select audit_id, received_at, :lg_code, actor, 'check_in.scan', 'scan', scan_id::text,
        person_id, 1, case when outcome = 'accepted' then 'done' else 'refused' end, request_id
    from item
)
insert into scan_attempt (lg_code, source, scan_id, session_id, activity_id, person_id, method,
    direction, code_hash, outcome, reason, counted, provisional, offline, assurance, sequence,
    scanned_at, device_at, offset_ms, offset_method, received_at, answer)
select :lg_code, i.source, i.scan_id, i.session_id, i.activity_id, i.person_id, i.method,
    i.direction, i.code_hash, v.outcome, v.reason, v.counted, i.provisional, i.offline,
    i.assurance, i.sequence, i.scanned_at, i.device_at, i.offset_ms, i.offset_method,
    i.received_at,
    i.answer || jsonb_build_object('outcome', v.outcome, 'reason', v.reason, 'counted', v.counted)
from item i
left join arrived on arrived.id = i.check_in_id
left join counted on counted.id = i.participation_id
cross join lateral (
    select
        case when i.check_in_id is not null and arrived.id is null then 'already'
            else i.outcome end as outcome,
        case when i.check_in_id is not null and arrived.id is null
                then case when i.direction = 'out' then 'already_left' else 'already_here' end
            when i.counts and i.direction = 'in' and counted.id is null and arrived.id is not null
                then 'same_day'
            else i.reason end as reason,
        counted.id is not null as counted
) v
order by i.source, i.scan_id
on conflict do nothing
returning source, scan_id, answer
"""
