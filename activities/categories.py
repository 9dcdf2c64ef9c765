"""Categories of activities: a code in the database and the API, Japanese words on the screens.

Which codes may be proposed is the setting `activity.categories` (R09).
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from core.texts import N_

LABELS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "agriculture_forestry": N_("農林"),
        "childcare": N_("子育て"),
        "commerce": N_("商店街"),
        "culture": N_("文化"),
        "disaster_prevention": N_("防災"),
        "education": N_("教育"),
        "environment": N_("環境"),
        "environment_care": N_("環境美化"),
        "exchange": N_("交流会"),
        "festival": N_("祭り・行事"),
        "international": N_("国際交流"),
        "neighbourhood": N_("自治会"),
        "safety": N_("防犯・安全"),
        "settlement": N_("移住・二地域居住"),
        "tourism": N_("観光"),
        "transport": N_("交通"),
        "vacant_houses": N_("空き家"),
        "welfare": N_("福祉"),
    }
)
CODES: Final[Mapping[str, str]] = MappingProxyType({label: code for code, label in LABELS.items()})
