"""Reads the catalogue's file, member by member, and checks what each says of the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from graphlib import CycleError, TopologicalSorter
from typing import IO, NamedTuple, get_args

from emporion.catalogue.definitions import DefinedPlan, ServiceDefinition, VendorDefinition, period_text
from emporion.catalogue.parameters import WITH_CHOICES, Choice, Parameter, ParameterType, Phase
from emporion.catalogue.patterns import wrong_pattern
from emporion.catalogue.plans import Fulfillment, State
from emporion.catalogue.yaml_nodes import Faults, Scalar, did_you_mean, members
from emporion.catalogue.yaml_plans import read_plan
from emporion.catalogue.yaml_values import LONGEST_DESCRIPTION, Place, wrong_key, wrong_text

SECTIONS = ("vendors", "services", "plans")
PARAMETERS_OF_SERVICE = 100
MOST_CHOICES = 500

Definition = VendorDefinition | ServiceDefinition | DefinedPlan

_PARAMETER = (
    "type", "phase", "required", "title", "description", "choices", "default", "pattern", "template", "reconciliation",
)  # fmt: skip
_TYPES: tuple[ParameterType, ...] = get_args(ParameterType)
_REFUSED_TYPES = {
    type_: f"is not supported yet: {type_}; ask for a text instead" for type_ in ("address", "object", "structured")
}
_REFUSED_PHASES = {"configuration": "is not supported yet: configuration; it must be ordering or fulfillment"}
_REFUSED_FULFILLMENTS = {
    "connector": "is not supported yet: connector; an operator fulfils by hand what has fulfillment: manual"
}


class Reference(NamedTuple):
    """What a plan says of another one. mpn: of its item, None for those that a switch leads to. period: of its own."""

    line: int
    path: str
    source: str
    target: str
    mpn: str | None = None
    period: str | None = None


class References:
    """What the members of a file say of each other."""

    def __init__(self) -> None:
        self.vendors: dict[str, int] = {}
        self.services: dict[str, str] = {}
        self.plans: dict[str, tuple[str, ...]] = {}
        self._states: dict[str, State] = {}
        self.between_plans: list[Reference] = []
        # Plans of which it is unknown what is in them.
        self.faulty: set[str] = set()
        # A reseller, to the first place where a plan names it.
        self.resellers: dict[int, tuple[int, str]] = {}
        self._wanted: list[tuple[int, str, str, str]] = []
        # What each item that depends on others depends on, by plan and MPN, and where it stands.
        self._needs: dict[tuple[str, str], list[tuple[str, str]]] = {}
        self._items: dict[tuple[str, str], tuple[int, str]] = {}

    def add(self, line: int, path: str, definition: Definition) -> None:
        """Take in what a member is called, and what it names."""
        match definition:
            case VendorDefinition(key=key):
                self.vendors[key] = line
            case ServiceDefinition(key=key, vendor=vendor):
                self.services[key] = vendor
                self._wanted.append((line, path, "vendor", vendor))
            case DefinedPlan(plan=plan, items=items):
                self.plans[plan.key] = tuple(map(period_text, plan.periods))
                self._states[plan.key] = plan.state
                self._wanted.append((line, path, "service", plan.service))
                for reseller_id in (*(plan.delegation.resellers or ()), *plan.delegation.withheld):
                    self.resellers.setdefault(reseller_id, (line, path))
                for switch in plan.switches:
                    at = f"{path}.switches.{switch.plan}"
                    self.between_plans.append(Reference(line, at, plan.key, switch.plan, period=switch.target))
                for item in items:
                    at = f"{path}.items.{item.mpn}.dependsOn"
                    if item.depends_on:
                        needs = [(needed.plan or plan.key, needed.mpn) for needed in item.depends_on]
                        self._needs[plan.key, item.mpn], self._items[plan.key, item.mpn] = needs, (line, at)
                    for needed in item.depends_on:
                        if needed.plan:
                            self.between_plans.append(Reference(line, at, plan.key, needed.plan, needed.mpn))

    def check(self, plan: Callable[[str], DefinedPlan], faults: Faults) -> None:
        """Add a fault for each that names what is not there. plan: gives one of those that are."""
        for line, path, kind, key in self._wanted:
            known = self.vendors if kind == "vendor" else self.services
            if key not in known:
                faults.add(
                    line, f"{path}.{kind}", f"is {key}, which is no {kind} of the file{did_you_mean(key, known)}"
                )
        for reference in self.between_plans:
            line, path, _, target, _, period = reference
            if target not in self.plans:
                faults.add(
                    line, path, f"names {target}, which is no plan of the file{did_you_mean(target, self.plans)}"
                )
            elif period and period not in self.plans[target]:
                has = ", ".join(self.plans[target])
                faults.add(line, path, f"leads to {period}, which is none of the periods of {target}: {has}")
            else:
                _check_items(reference, plan, faults)
                self._check_states(reference, faults)
        self._check_circles(faults)

    def _check_states(self, reference: Reference, faults: Faults) -> None:
        """Add a fault where what is sold depends on what is not sold yet: no order of it could be taken."""
        line, path, source, target, mpn, _ = reference
        if mpn is not None and self._states[source] == "published" and self._states[target] == "draft":
            message = f"names {mpn} of {target}, a draft, which is not sold; publish {target} as well, or make"
            faults.add(line, path, f"{message} {source} a draft, too")

    def _check_circles(self, faults: Faults) -> None:
        """Add a fault where items depend on each other in a circle: none could be given up before the others."""
        try:
            TopologicalSorter(self._needs).prepare()
        except CycleError as error:
            first, *others, _ = reversed(error.args[1])
            way = ", then ".join(f"{mpn} of {key}" for key, mpn in others)
            faults.add(*self._items[first], f"leads back to {first[1]} by way of {way or 'itself'}")


def read_catalogue(stream: IO[bytes], faults: Faults, references: References) -> Iterator[Definition]:
    """What stands in a file, one by one; what is faulty is left out, and told in `faults`.

    Raises Unreadable where the file is no YAML or no catalogue.
    """
    found = set()
    for section, key, line, node in members(stream, SECTIONS, faults):
        found.add(section)
        place = Place(node, f"{section}.{key}", faults)
        if wrong := wrong_key(key):
            faults.add(line, place.path, wrong)
        definition: Definition | None
        match section:
            case "vendors":
                definition = _vendor(key, place)
            case "services":
                definition = _service(key, place)
            case _:
                definition = read_plan(key, place)
        if definition:
            references.add(line, place.path, definition)
            yield definition
        elif section == "plans":
            references.faulty.add(key)
        elif section == "services":
            references.services.setdefault(key, "")
        else:
            references.vendors.setdefault(key, line)
    if "plans" not in found:
        faults.add(0, "plans", "is missing: a catalogue without plans would retire all that there are")


def _check_items(reference: Reference, plan: Callable[[str], DefinedPlan], faults: Faults) -> None:
    line, path, source, target, mpn, period = reference
    mpns = {item.mpn for item in plan(target).items}
    if mpn is not None:
        if mpn not in mpns:
            faults.add(line, path, f"names {mpn}, which is no item of {target}{did_you_mean(mpn, mpns)}")
        return
    defined = plan(source)
    for switch in defined.plan.switches:
        if (switch.plan, switch.target) != (target, period):
            continue
        for item in defined.items:
            to = switch.items.get(item.mpn, item.mpn)
            if to is not None and to not in mpns:
                hint = did_you_mean(to, mpns)
                where = f"{path}.items.{item.mpn}"
                faults.add(line, where, f"is {to}, which is no item of {target}; name one of its items, or null{hint}")


def _vendor(key: str, place: Place) -> VendorDefinition | None:
    """`acme: Acme GmbH`, or a mapping with the name."""
    if isinstance(place.node, Scalar):
        name = place.text()
    else:
        given = place.members(("name",), ("name",))
        name = given.read("name", Place.text, None) if given else None
    return VendorDefinition(key, name) if name else None


def _service(key: str, place: Place) -> ServiceDefinition | None:
    before = place.faults.count
    given = place.members(("vendor", "fulfillment", "parameters"), ("vendor", "fulfillment"))
    if not given:
        return None
    kinds: tuple[Fulfillment, ...] = get_args(Fulfillment)
    fulfillment: Fulfillment = given.read(
        "fulfillment", lambda inner: inner.choice(kinds, _REFUSED_FULFILLMENTS), "manual"
    )
    parameters = given.read("parameters", lambda inner: _parameters(inner, fulfillment), None) or []
    vendor = given.read("vendor", Place.text, "")
    service = ServiceDefinition(key=key, vendor=vendor, fulfillment=fulfillment, parameters=parameters)
    return service if place.faults.count == before else None


def _parameters(place: Place, fulfillment: Fulfillment) -> list[Parameter]:
    given = place.mapping("a mapping from the name of each parameter to what it is") or {}
    if len(given) > PARAMETERS_OF_SERVICE:
        place.fault(f"must have at most {PARAMETERS_OF_SERVICE} parameters, not {len(given):,}")
        return []
    found = []
    for name, inner in given.items():
        if wrong := wrong_text(name, 64):
            inner.fault(f"as the name of a parameter {wrong}")
        if parameter := _parameter(name, inner, fulfillment):
            found.append(parameter)
    if len(shown := [parameter.name for parameter in found if parameter.reconciliation]) > 1:
        place.fault(f"has {len(shown)} parameters with reconciliation; only one can be shown as vendorSubscriptionId")
    return found


def _parameter(name: str, place: Place, fulfillment: Fulfillment) -> Parameter | None:
    given = place.members(_PARAMETER, ("type",))
    type_: ParameterType | None = (
        given.read("type", lambda one: one.choice(_TYPES, _REFUSED_TYPES), None) if given else None
    )
    if not given or not type_:
        return None
    phase: Phase = given.read("phase", lambda one: one.choice(get_args(Phase), _REFUSED_PHASES), "ordering")
    default = given.read("default", Place.text, None)
    choices = given.read("choices", lambda one: _choices(one, default), None) or []
    if choices and type_ not in WITH_CHOICES:
        place.fault(f"has choices, which the type {type_} does not have; make it a choice or a dropdown")
    elif not choices and type_ in WITH_CHOICES and not given.get("choices"):
        place.fault(f"has no choices, which the type {type_} needs")
    elif default is not None and default not in {choice.value for choice in choices}:
        place.fault(f"has the default {default}, which is none of its choices", given.line("default"))
    template = given.read("template", Place.text, None)
    is_given_back = phase == "fulfillment"
    if template is not None and not (is_given_back and fulfillment == "automatic"):
        place.fault(
            "has a template, which only a parameter of the phase fulfillment of an automatic service has",
            given.line("template"),
        )
    elif template is None and is_given_back and fulfillment == "automatic":
        place.fault("has no template, though an automatic service gives it back; such as tenant-{subscription.id}")
    return Parameter(
        name=name,
        type=type_,
        phase=phase,
        required=given.read("required", Place.boolean, False),
        title=given.read("title", Place.text, ""),
        description=given.read("description", lambda one: one.text(LONGEST_DESCRIPTION, lines=True), ""),
        choices=choices,
        pattern=given.read("pattern", _pattern, None),
        template=template,
        reconciliation=given.read("reconciliation", Place.boolean, False),
    )


def _choices(place: Place, default: str | None) -> list[Choice]:
    """Values by themselves in a list, or a mapping from each value to its label."""
    if isinstance(place.node, Scalar) or not hasattr(place.node, "entries"):
        labels = {value: value for inner in place.each() if (value := inner.text())}
    else:
        given = place.mapping("a mapping from each value to its label") or {}
        labels = {value: label for value, inner in given.items() if (label := inner.text())}
    if len(labels) > MOST_CHOICES:
        place.fault(f"must have at most {MOST_CHOICES} choices, not {len(labels):,}")
    return [Choice(value, label, value == default) for value, label in labels.items()]


def _pattern(place: Place) -> str | None:
    text = place.text()
    if text is None:
        return None
    if wrong := wrong_pattern(text):
        place.fault(wrong)
        return None
    return text
