"""Ansible module: traffic control as a desired state."""

from __future__ import annotations

DOCUMENTATION = r"""
module: apply
short_description: Make traffic control what a text describes
description:
  - Runs C(pytc apply) and changes only what differs. Check mode runs it with C(--dry-run).
options:
  state:
    description: Lines as tc takes them with -batch, with C(add) or C(replace).
    type: str
  path:
    description: A file with such lines on the managed machine, in place of O(state).
    type: path
  owner:
    description: The owner of the bpf filters.
    type: str
    default: apply
  prune:
    description: Whether to remove filters of the owner that are not described, or all that is not.
    type: str
    choices: ["no", own, all]
    default: "no"
  netns:
    description: A network namespace, by its name.
    type: str
  chdir:
    description: The directory to which paths of objects are relative.
    type: path
  executable:
    description: The program pytc.
    type: str
    default: pytc
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
author: the authors of pytc
"""

EXAMPLES = r"""
- pytc.traffic.apply:
    state: |
      qdisc replace dev em1 clsact
      filter replace dev em1 ingress pref 10 bpf da obj /usr/lib/edge/edge.o
    owner: edge
    prune: own
"""

RETURN = r"""
objects:
  description: The objects that are described or removed, each with its C(state).
  type: list
  elements: dict
  returned: success
"""

import json  # noqa: E402
from typing import Any  # noqa: E402

from ansible.module_utils.basic import AnsibleModule  # noqa: E402

_DIFFERS = 2


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str"},
            "path": {"type": "path"},
            "owner": {"type": "str", "default": "apply"},
            "prune": {"type": "str", "choices": ["no", "own", "all"], "default": "no"},
            "netns": {"type": "str"},
            "chdir": {"type": "path"},
            "executable": {"type": "str", "default": "pytc"},
        },
        required_one_of=[("state", "path")],
        mutually_exclusive=[("state", "path")],
        supports_check_mode=True,
    )
    wanted = module.params
    words = [wanted["executable"], "-j"]
    words += ["--dry-run"] if module.check_mode else []
    words += ["-n", wanted["netns"]] if wanted["netns"] else []
    words += ["apply", wanted["path"] or "-", "owner", wanted["owner"]]
    words += {"no": [], "own": ["prune"], "all": ["prune", "all"]}[wanted["prune"]]
    status, out, err = module.run_command(words, data=wanted["state"], cwd=wanted["chdir"])
    if status and not (module.check_mode and status == _DIFFERS and out):
        module.fail_json(msg=_message(err), rc=status, stderr=err)
    objects = [one for one in json.loads(out) if "state" in one]
    module.exit_json(
        changed=any(one["state"] != "unchanged" for one in objects),
        objects=objects,
        diff={"before": _lines(objects, "before"), "after": _lines(objects, "after")},
        stderr=err,
    )


def _message(err: str) -> str:
    """Return the error in pytc's JSON, or all that it has printed."""
    for line in err.splitlines():
        try:
            said = json.loads(line)
        except ValueError:
            continue
        if isinstance(said, dict) and "error" in said:
            return "; ".join([said["error"], *said.get("causes", [])])
    return err


def _lines(objects: list[dict[str, Any]], side: str) -> str:
    """Return the objects that differ as they were before, or are after, one a line."""
    absent = {"before": "created", "after": "removed"}[side]
    return "".join(
        f"{one['object']} {one['place']} {json.dumps(one[side]) if side in one else ''}".rstrip() + "\n"
        for one in objects
        if one["state"] not in ("unchanged", absent)
    )


if __name__ == "__main__":
    main()
