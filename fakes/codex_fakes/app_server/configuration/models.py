"""The models that the real server has metadata of without a network, and how model/list shows them.

May import the standard library only. The invariant: the catalogue is the one that codex 0.163.0
brings along, in its order; a test holds every row against the installed binary.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

_EFFORTS: Final = {
    "low": "Fast responses with lighter reasoning",
    "medium": "Balances speed and reasoning depth for everyday tasks",
    "high": "Greater reasoning depth for complex problems",
    "xhigh": "Extra high reasoning depth for complex problems",
    "max": "Maximum reasoning depth for the hardest problems",
    "ultra": "Maximum reasoning with automatic task delegation",
}
"""How much a model can think, from little to much."""

_ADVICE: Final = {
    "gpt-6-sol": (
        "Meet GPT-6 Sol\n\nOur latest Sol is more intelligent and more efficient so your usage "
        "limits go further. This model is a great daily driver for complex tasks, especially "
        "coding.\n"
    ),
    "gpt-6-luna": (
        "Meet GPT-6 Luna\n\nOur latest Luna is significantly more efficient, so your usage limits "
        "go even further. Reach for it for any job that doesn't require frontier intelligence.\n"
    ),
}
"""What is said for the models that take the place of older ones."""

_COSTLY: Final = "1.5x speed, increased usage"
_NEWS: Final = (
    "Maximize usage with GPT-6.1 Sol. Try it on complex work for near-Astra performance at a lower "
    "cost."
)


class Model(NamedTuple):
    """A model.

    Attributes:
        name: Its name.
        title: Its name for people.
        description: What it is for.
        effort: How much it thinks unless told otherwise.
        efforts: How many of the efforts it knows, from the least on.
        speed: What its fast tier is said to be; ``None`` when it has none.
        fast: Whether that tier is the default.
        agents: Which version of sub-agents it works with.
        upgrade: The model that takes its place.
        news: What users are told about it.
        specialty: What it is specialised in.
        hidden: Whether it is shown only to those who ask for hidden models.
    """

    name: str
    title: str
    description: str
    effort: str
    efforts: int
    speed: str | None
    fast: bool = False
    agents: str | None = "v2"
    upgrade: str | None = None
    news: str | None = None
    specialty: str | None = None
    hidden: bool = False

    def on_wire(self) -> dict[str, Any]:
        """The model as model/list shows it."""
        tier = {"id": "priority", "name": "Fast", "description": self.speed}
        return {
            "id": self.name,
            "model": self.name,
            "upgrade": self.upgrade,
            "upgradeInfo": _upgrade(self.upgrade),
            "availabilityNux": None if self.news is None else {"message": self.news},
            "displayName": self.title,
            "description": self.description,
            "modelSpecialty": self.specialty,
            "hidden": self.hidden,
            "supportedReasoningEfforts": [
                {"reasoningEffort": effort, "description": description}
                for effort, description in list(_EFFORTS.items())[: self.efforts]
            ],
            "defaultReasoningEffort": self.effort,
            "inputModalities": ["text", "image"],
            "supportsPersonality": False,
            "multiAgentVersion": self.agents,
            "additionalSpeedTiers": [] if self.speed is None else ["fast"],
            "serviceTiers": [] if self.speed is None else [tier],
            "defaultServiceTier": "priority" if self.fast else None,
            "availableAccessPrograms": None,
            "isDefault": self is MODELS[0],
        }


def _upgrade(model: str | None) -> dict[str, Any] | None:
    if model is None:
        return None
    return {
        "model": model,
        "upgradeCopy": None,
        "modelLink": None,
        "migrationMarkdown": _ADVICE[model],
        "retirementAt": None,
    }


MODELS: Final = (
    Model(
        "gpt-6.1-sol",
        "GPT-6.1-Sol",
        "Latest workhorse model for coding and everyday work.",
        "low",
        6,
        "2x speed, increased usage",
        news=_NEWS,
    ),
    Model(
        "gpt-6-astra",
        "GPT-6-Astra",
        "Frontier intelligence for the most demanding work.",
        "low",
        6,
        "2x speed, increased usage",
    ),
    Model(
        "gpt-6-sol",
        "GPT-6-Sol",
        "Previous generation workhorse model.",
        "medium",
        6,
        "1.5x speed",
        fast=True,
    ),
    Model(
        "gpt-6-luna",
        "GPT-6-Luna",
        "Fast and affordable model for easier tasks.",
        "medium",
        5,
        "1.5x speed",
        fast=True,
    ),
    Model(
        "gpt-5.6-sol",
        "GPT-5.6-Sol",
        "Older generation workhorse model.",
        "low",
        6,
        _COSTLY,
        upgrade="gpt-6-sol",
    ),
    Model(
        "gpt-5.6-terra",
        "GPT-5.6-Terra",
        "Older balanced model for straightforward work.",
        "medium",
        6,
        _COSTLY,
        upgrade="gpt-6-sol",
    ),
    Model(
        "gpt-5.6-luna",
        "GPT-5.6-Luna",
        "Older fast and efficient model.",
        "medium",
        5,
        _COSTLY,
        agents="v1",
        upgrade="gpt-6-luna",
    ),
    Model(
        "gpt-daybreak-blue-latest",
        "Daybreak Blue",
        "Latest frontier agentic coding model for broad defensive cybersecurity work.",
        "low",
        6,
        None,
        specialty="cyber",
        hidden=True,
    ),
    Model(
        "gpt-daybreak-red-latest",
        "Daybreak Red",
        "Cyber-permissive variant of our latest frontier agentic coding model for advanced, "
        "authorized cybersecurity research.",
        "medium",
        6,
        None,
        specialty="cyber",
        hidden=True,
    ),
    Model(
        "gpt-5.5",
        "GPT-5.5",
        "Legacy coding model.",
        "medium",
        4,
        _COSTLY,
        agents=None,
        upgrade="gpt-6-sol",
    ),
    Model(
        "codex-auto-review",
        "Codex Auto Review",
        "Automatic approval review model for Codex.",
        "medium",
        5,
        _COSTLY,
        agents="v1",
        hidden=True,
    ),
)
"""Every model, the default one first."""


def has_metadata(model: str) -> bool:
    """Whether the server has metadata of a model: of its own name, or of one that it begins with.

    Args:
        model: The model's name, which may have a provider and a slash in front.
    """
    _, slash, rest = model.partition("/")
    name = rest if slash and "/" not in rest else model
    return any(name.startswith(known.name) for known in MODELS)
