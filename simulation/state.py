"""The columns of a registration, of a person, of a tie and of what people do anyway."""

# One registration of a person, in whole numbers.
(
    BODY,
    TIE,
    STATUS,
    SINCE,
    ACCESS,
    SENT,  # and the next three
    _SENT_2,
    _SENT_3,
    _SENT_4,
    RELEASED,
    TERM_FIRST,
    TERM_LAST,
    JUDGED_LAST,
    GRACE,
    BOOKED,
    NEXT_COUNT,
    CARRIED,
    APPLIED,
    DECIDED_ON,
    RENEWAL_ON,
    DUE,
    REACTS_ON,
    REACTION,
    RECORDED,
    RENEWED_TIMES,
    KEENER_UNTIL,
    ENGAGED,
    STOPPED,
    TOLD,
    FOR_GUARDIAN,
    KM,
    BEGUN,
    RESTS_UNTIL,
) = range(33)
FIELDS = 33
#: Registrations of one person the model follows.
PLACES = 24

WAITING, BASIC, PREMIUM, IN_GRACE, RELEASED_DORMANT, ENDED = range(6)
NO_REACTION, KEEPS, RESTORES = range(3)

# A person.
(
    T_HOME,
    T_TOWN,
    T_BIRTH,
    T_PHONE,
    T_LEVEL,
    T_CONSENT,
    T_WISHES,
    T_VERIFIED,
    T_FUNNEL,
) = range(9)
TRAITS = 9

# How a tie behaves.
V_VISITS, V_ACCESS, V_LOSS, V_PREMIUM, V_KM = range(5)
TIE_NUMBERS = 5

# What people do anyway (shares and rates).
(
    B_START,
    B_WORD,
    B_MORE,
    B_OWN_TOWN,
    B_APPLY,
    B_MISTAKEN,
    B_CONSENT,
    B_KEEP,
    B_RESTORE,
    B_KEENER,
    B_SECOND_DAY,
    B_FAR,
    B_MOVE,
    B_SPREAD,
    B_REVIEW_DAYS,
    B_STAFF_REFUSE,
    B_QUIET,
    B_TRAVEL_EFFECT,
) = range(18)
HABITS = 18

# What a type of body does.
Y_TRAVEL_YEN, Y_PREMIUM_YEN, Y_RAMP, Y_CALENDAR = range(4)
TYPE_NUMBERS = 4
