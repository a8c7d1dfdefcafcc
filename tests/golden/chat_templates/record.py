"""Renders each *.jinja here on each conversation with Python's jinja2, set up as Hugging Face's transformers does, and
writes expected.json. Run it after a change of templates or conversations: python3 record.py (needs jinja2)."""
import json
import pathlib

from jinja2 import TemplateError
from jinja2.exceptions import TemplateRuntimeError
from jinja2.ext import loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment


class Refused(Exception):
    pass


def raise_exception(message):
    raise Refused(message)


def tojson(value, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


here = pathlib.Path(__file__).parent
environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols])
environment.filters["tojson"] = tojson
environment.globals["raise_exception"] = raise_exception
conversations = json.loads((here / "conversations.json").read_text())
expected = []
for path in sorted(here.glob("*.jinja")):
    template = environment.from_string(path.read_text())
    for name, conversation in conversations.items():
        variables = {"tools": None, "documents": None, "bos_token": "<s>", "eos_token": "</s>",
                     "add_generation_prompt": True} | conversation
        case = {"template": path.name, "conversation": name}
        try:
            case["output"] = template.render(**variables)
        except Refused as refusal:
            case["refused"] = str(refusal)
        except (TemplateError, TemplateRuntimeError, TypeError) as error:
            case["error"] = str(error)
        expected.append(case)
(here / "expected.json").write_text(json.dumps(expected, ensure_ascii=False, indent=1) + "\n")
