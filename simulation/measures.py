"""What the model counts, by name; the numbers are columns of its tables.

Plain integers, because the compiled engine reads them as constants.
"""

#: Counted by month and by body, in this order.
REGISTRATIONS = 0
ACCESSES = 1
WANTED = 2
CHECK_INS = 3
TURNED_AWAY = 4
PAPER_CHECK_INS = 5
APPLICATIONS = 6
REFUSALS = 7
GRANTS = 8
RENEWALS = 9
MISSING_NOTICES = 10
GRACES = 11
LAPSES = 12
MOVED_IN = 13
DORMANCY_NOTICES = 14
KEEPS = 15
RELEASES = 16
RESTORES = 17
NOTICES = 18
REVIEWS = 19
VETO_LOOKS = 20
SUPPORT_YEN = 21
#: Changes of a stock; the running sum is how many there are.
BASIC = 22
PREMIUM = 23
DERIVED = 24
RELATED = 25

METRICS = (
    "registrations",
    "accesses",
    "wanted_participations",
    "check_ins",
    "turned_away",
    "paper_check_ins",
    "applications",
    "refusals",
    "grants",
    "renewals",
    "missing_notices",
    "graces",
    "lapses",
    "moved_in",
    "dormancy_notices",
    "keeps",
    "releases",
    "restores",
    "notices",
    "reviews",
    "veto_looks",
    "support_yen",
    "basic",
    "premium",
    "derived",
    "relationship_population",
)
STOCKS = ("basic", "premium", "derived", "relationship_population")
N_METRICS = len(METRICS)

#: How far people came, each step among those of the step before.
FUNNEL = (
    "registered",
    "took_part",
    "counted_three_days",
    "applied",
    "premium",
    "renewed",
    "renewed_twice",
)
N_FUNNEL = len(FUNNEL)

#: What happened to whom, for the optional list of events.
EVENTS = (
    "registered",
    "checked_in",
    "turned_away",
    "applied",
    "refused",
    "granted",
    "renewed",
    "missing_notice",
    "grace",
    "lapsed",
    "dormancy_notice",
    "kept",
    "released",
    "restored",
    "moved_in",
)
(
    E_REGISTERED,
    E_CHECKED_IN,
    E_TURNED_AWAY,
    E_APPLIED,
    E_REFUSED,
    E_GRANTED,
    E_RENEWED,
    E_MISSING,
    E_GRACE,
    E_LAPSED,
    E_DORMANCY,
    E_KEPT,
    E_RELEASED,
    E_RESTORED,
    E_MOVED_IN,
) = range(15)

#: What people and staff do, whatever the rules answer; a rehearsal does the same on the platform.
ACTS = (
    "registers",
    "opens",
    "comes",
    "applies",
    "keeps",
    "restores",
    "staff_grants",
    "staff_refuses",
    "staff_renews",
    "staff_releases",
    "moves",
)
(
    A_REGISTERS,
    A_OPENS,
    A_COMES,
    A_APPLIES,
    A_KEEPS,
    A_RESTORES,
    A_STAFF_GRANTS,
    A_STAFF_REFUSES,
    A_STAFF_RENEWS,
    A_STAFF_RELEASES,
    A_MOVES,
) = range(11)

#: By day, for the peaks.
DAY_REGISTRATIONS, DAY_CHECK_INS, DAY_NOTICES = range(3)
DAYS = ("registrations", "check_ins", "notices")
#: By year and prefecture of the body, but for the last: where those live who hold a registration.
PREF_REGISTRATIONS, PREF_CHECK_INS, PREF_BASIC, PREF_PREMIUM, PREF_HOMES = range(5)
PREFS = ("registrations", "check_ins", "basic", "premium", "homes")
PREF_STOCKS = (PREF_BASIC, PREF_PREMIUM, PREF_HOMES)
