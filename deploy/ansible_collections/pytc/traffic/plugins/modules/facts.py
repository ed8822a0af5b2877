"""Ansible module: the traffic control of devices."""

from __future__ import annotations

DOCUMENTATION = r"""
module: facts
short_description: Return qdiscs, classes and filters of devices
options:
  devices:
    description: Names of devices.
    type: list
    elements: str
    required: true
  netns:
    description: A network namespace, by its name.
    type: str
  executable:
    description: The program pytc.
    type: str
    default: pytc
attributes:
  check_mode:
    support: full
author: the authors of pytc
"""

EXAMPLES = r"""
- pytc.traffic.facts:
    devices: [em1]
- ansible.builtin.debug:
    var: ansible_facts.pytc_traffic.em1.qdiscs
"""

RETURN = r"""
ansible_facts:
  description: >-
    C(pytc_traffic) has C(qdiscs), C(classes), C(ingress) and C(egress) of each device, as C(pytc -j) shows them.
  type: dict
  returned: success
"""

import json  # noqa: E402
from typing import Any  # noqa: E402

from ansible.module_utils.basic import AnsibleModule  # noqa: E402

_QUESTIONS = {
    "qdiscs": ("qdisc", "show"),
    "classes": ("class", "show"),
    "ingress": ("filter", "show", "ingress"),
    "egress": ("filter", "show", "egress"),
}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "devices": {"type": "list", "elements": "str", "required": True},
            "netns": {"type": "str"},
            "executable": {"type": "str", "default": "pytc"},
        },
        supports_check_mode=True,
    )
    facts = {device: _read(module, device) for device in module.params["devices"]}
    module.exit_json(changed=False, ansible_facts={"pytc_traffic": facts})


def _read(module: AnsibleModule, device: str) -> dict[str, Any]:
    options = ["-n", module.params["netns"]] if module.params["netns"] else []
    facts = {}
    for name, (object_, verb, *place) in _QUESTIONS.items():
        words = [module.params["executable"], "-j", *options, object_, verb, "dev", device, *place]
        status, out, err = module.run_command(words)
        if status and place:
            continue  # without clsact, there is no such place
        if status:
            module.fail_json(msg=err, rc=status)
        facts[name] = json.loads(out)
    return facts


if __name__ == "__main__":
    main()
