"""Views for the questions people ask in Datasette: local times as text, names instead of ids."""

from __future__ import annotations

SCHEDULE = """CREATE VIEW booking_schedule AS
SELECT
    b.number,
    strftime('%Y-%m-%d', b.start_at / 1000 + lab.utc_offset_minutes * 60, 'unixepoch') AS day,
    strftime('%H:%M', b.start_at / 1000 + lab.utc_offset_minutes * 60, 'unixepoch') AS starts,
    strftime('%H:%M', b.end_at / 1000 + lab.utc_offset_minutes * 60, 'unixepoch') AS ends,
    b.state,
    e.name_ja AS equipment,
    p.name AS party,
    contact.name AS contact,
    coalesce(nullif(contact.phone, ''), p.phone) AS phone,
    operator.name AS operator,
    b.instructor,
    b.head_count,
    b.purpose,
    b.reason,
    b.equipment_id,
    b.party_id,
    b.id AS booking_id
FROM booking_bookings AS b
JOIN booking_lab AS lab
JOIN booking_equipment AS e ON e.id = b.equipment_id
JOIN booking_parties AS p ON p.id = b.party_id
LEFT JOIN booking_people AS contact ON contact.id = b.contact_id
LEFT JOIN booking_people AS operator ON operator.id = b.operator_id
ORDER BY b.start_at"""

TODAY = """CREATE VIEW booking_today AS
SELECT s.*
FROM booking_schedule AS s
JOIN booking_lab AS lab
WHERE s.day = strftime(
    '%Y-%m-%d', strftime('%s', 'now') + lab.utc_offset_minutes * 60, 'unixepoch')"""

WAITING = """CREATE VIEW booking_waiting_for_answer AS
SELECT s.*, round((strftime('%s', 'now') - b.requested_at / 1000) / 3600.0, 1) AS waiting_hours
FROM booking_schedule AS s
JOIN booking_bookings AS b ON b.id = s.booking_id
WHERE b.state IN ('requested', 'waitlisted')
ORDER BY b.requested_at"""

VISIT_LOG = """CREATE VIEW booking_visit_log AS
SELECT
    strftime('%Y-%m-%d', v.arrived_at / 1000 + lab.utc_offset_minutes * 60, 'unixepoch') AS day,
    strftime('%H:%M', v.arrived_at / 1000 + lab.utc_offset_minutes * 60, 'unixepoch') AS arrived,
    strftime('%H:%M', v.left_at / 1000 + lab.utc_offset_minutes * 60, 'unixepoch') AS "left",
    (v.left_at - v.arrived_at) / 60000 AS minutes,
    v.head_count,
    p.name AS party,
    p.role AS party_role,
    e.name_ja AS equipment,
    b.number,
    v.id AS visit_id
FROM booking_visits AS v
JOIN booking_lab AS lab
JOIN booking_bookings AS b ON b.id = v.booking_id
JOIN booking_equipment AS e ON e.id = v.equipment_id
JOIN booking_parties AS p ON p.id = v.party_id
ORDER BY v.arrived_at"""

USE_BY_MONTH = """CREATE VIEW booking_use_by_month AS
SELECT
    strftime('%Y-%m', b.start_at / 1000 + lab.utc_offset_minutes * 60, 'unixepoch') AS month,
    e.name_ja AS equipment,
    count(*) AS bookings,
    sum(b.state = 'completed') AS completed,
    sum(b.state = 'no_show') AS no_shows,
    sum(b.state = 'cancelled') AS cancelled,
    sum(b.cancelled_late) AS cancelled_late,
    coalesce(round(sum((b.end_at - b.start_at) / 3600000.0)
        FILTER (WHERE b.state IN ('checked_in', 'completed')), 1), 0) AS booked_hours_used,
    coalesce(sum(v.head_count), 0) AS people
FROM booking_bookings AS b
JOIN booking_lab AS lab
JOIN booking_equipment AS e ON e.id = b.equipment_id
LEFT JOIN booking_visits AS v ON v.booking_id = b.id
GROUP BY month, e.id
ORDER BY month, equipment"""

QUALIFIED = """CREATE VIEW booking_qualified_people AS
SELECT
    n.name AS person,
    p.name AS party,
    q.qualification_class,
    q.issued_on,
    q.expires_on,
    q.certificate_no,
    CASE
        WHEN q.issued_on > today.day THEN 'not yet'
        WHEN q.expires_on < today.day THEN 'expired'
        ELSE 'valid'
    END AS validity
FROM booking_qualifications AS q
JOIN booking_people AS n ON n.id = q.person_id
JOIN booking_parties AS p ON p.id = n.party_id
JOIN (
    SELECT strftime(
        '%Y-%m-%d', strftime('%s', 'now') + utc_offset_minutes * 60, 'unixepoch') AS day
    FROM booking_lab
) AS today
ORDER BY q.qualification_class, person"""

OUTAGE_LOG = """CREATE VIEW booking_outage_log AS
SELECT
    e.name_ja AS equipment,
    strftime('%Y-%m-%d %H:%M',
        o.start_at / 1000 + lab.utc_offset_minutes * 60, 'unixepoch') AS begins,
    strftime('%Y-%m-%d %H:%M',
        o.end_at / 1000 + lab.utc_offset_minutes * 60, 'unixepoch') AS ends,
    round((o.end_at - o.start_at) / 3600000.0, 1) AS hours,
    CASE o.planned WHEN 1 THEN 'planned' ELSE 'failure' END AS kind,
    o.reason,
    o.id AS outage_id
FROM booking_outages AS o
JOIN booking_lab AS lab
JOIN booking_equipment AS e ON e.id = o.equipment_id
ORDER BY o.start_at"""

HISTORY = """CREATE VIEW booking_history AS
SELECT
    strftime('%Y-%m-%d %H:%M:%S',
        a.at / 1000 + lab.utc_offset_minutes * 60, 'unixepoch') AS at_local,
    a.who,
    a.what,
    a.subject,
    coalesce(b.number, a.subject_id) AS subject_name,
    a.was,
    a.became,
    a.reason,
    a.id AS entry
FROM booking_audit AS a
JOIN booking_lab AS lab
LEFT JOIN booking_bookings AS b ON b.id = a.subject_id
ORDER BY a.id"""

VIEWS = (SCHEDULE, TODAY, WAITING, VISIT_LOG, USE_BY_MONTH, QUALIFIED, OUTAGE_LOG, HISTORY)
