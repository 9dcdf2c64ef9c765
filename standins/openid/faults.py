"""The bad answers the stand-in gives on command, by name (P23)."""

#: The 44 answers that must never verify anybody, in the order of the design's list.
BAD_ANSWERS: tuple[str, ...] = (
    # callback
    "callback_state_missing",
    "callback_state_of_other_session",
    "callback_state_used",
    "callback_attempt_expired",
    "callback_state_twice",
    "callback_without_attempt",
    "callback_error_with_code",
    "callback_error_unknown",
    "callback_error_html",
    "callback_issuer_other",
    "callback_by_post",
    # token
    "token_400",
    "token_401",
    "token_500",
    "token_timeout_after_issuing",
    "token_not_json",
    "token_without_id_token",
    "token_two_id_tokens",
    "token_type_other",
    "token_scope_smaller",
    "token_scope_larger",
    "token_redirect",
    # ID token
    "id_token_alg_none",
    "id_token_hs256_public_key",
    "id_token_rs256",
    "id_token_unknown_kid",
    "id_token_embedded_key",
    "id_token_key_url",
    "id_token_bad_signature",
    "id_token_issuer_slash",
    "id_token_issuer_sandbox",
    "id_token_audience_other",
    "id_token_audience_stranger",
    "id_token_expired",
    "id_token_from_future",
    "id_token_without_nonce",
    "id_token_nonce_of_other_attempt",
    "id_token_without_subject",
    "id_token_subject_long",
    "id_token_acr_lower",
    # userinfo
    "userinfo_other_subject",
    "userinfo_facts_missing",
    "userinfo_birth_date_future",
    "userinfo_individual_number",
)

#: Other troubles: variants of the above, outages and the surprises of real browsers.
EXTRA_FAULTS: tuple[str, ...] = (
    "auth_500",
    "auth_delay",
    "callback_duplicate",
    "callback_in_other_browser",
    "certs_500",
    "certs_empty",
    "id_token_azp_other",
    "id_token_at_hash_wrong",
    "token_black_hole",
    "token_delay",
    "token_huge_body",
    "token_slow_body",
    "userinfo_401",
    "userinfo_500",
    "userinfo_black_hole",
    "userinfo_facts_wrong_type",
    "userinfo_minor_as_adult",
    "userinfo_not_json",
    "userinfo_without_subject",
)

ALL_FAULTS = frozenset(BAD_ANSWERS + EXTRA_FAULTS)


def unknown_faults(names: list[str]) -> list[str]:
    """The names that are no fault of ours."""
    return [name for name in names if name not in ALL_FAULTS]
