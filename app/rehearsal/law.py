"""The numbers of a rehearsal as files, as a platform reads them."""

from pathlib import Path
from typing import Any

import yaml

from app.local_environment import own_policy
from registry.policybook import POLICY_DIR, load_policy
from registry.rules.policy import PolicyBook, Step


def write_law(book: PolicyBook, data_dir: Path) -> None:
    """R33: the nation's files in a stack's folder, with the values of `book` where they differ."""
    folder = own_policy(data_dir)
    nation = load_policy(POLICY_DIR)
    changed = {
        key: parameter.values.steps
        for key, parameter in book.parameters.items()
        if parameter.values != nation.parameters[key].values
    }
    for path in sorted(folder.glob("*.yaml")):
        written = yaml.safe_load(path.read_text(encoding="utf-8"))
        mine = changed.keys() & written.keys()
        for key in mine:
            written[key]["values"] = {step.since: _step(step) for step in changed[key]}
        if mine:
            text = yaml.safe_dump(written, allow_unicode=True, sort_keys=False)
            path.write_text(text, encoding="utf-8")


def _step(step: Step) -> dict[str, Any]:
    value = list(step.value) if isinstance(step.value, tuple) else step.value
    return {"value": value, "source": step.source.to_json()}
