"""The whole collection: folders in an order in which every variable has its value before it is used."""

from collections.abc import Mapping, Sequence

from api import postman
from api.postman.bodies import Bodies
from api.postman.operations import Json, Operation, read_operations
from api.postman.requests import SESSION_VARIABLES, Requests, script, url

# The first requests: (name, address, {variable: field of the first row}).
FIRST_REQUESTS: list[tuple[str, str, dict[str, str]]] = [
    *(
        (
            f"The newest session: {kind}",
            f"/api/v1/sessions/?session_name={kind}&ordering=-date_start&page_size=1",
            {variable: "session_id", "session_id": "session_id"},
        )
        for kind, variable in reversed(SESSION_VARIABLES.items())
    ),
    ("One with samples", "/api/v1/sample-files/?page_size=1", {"session_id": "session_id", "driver_number": "driver_number"}),
    ("A lap of it", "/api/v1/laps/?session_id={{session_id}}&driver_number={{driver_number}}&lap_number=5", {"lap_id": "lap_id"}),
    ("Its race weekend", "/api/v1/sessions/?session_id={{session_id}}", {"race_id": "race_id"}),
]
BEFORE_EACH = [
    "const last = Number(pm.collectionVariables.get('unique')) || Math.floor(Date.now() / 1000);",
    "pm.collectionVariables.set('unique', last + 1);",
]
AFTER_EACH = ["pm.test('answers 2xx', () => pm.expect(pm.response.code).to.be.within(200, 299));"]


def build_collection(schema: Json, *, session_kinds: Mapping[str, Sequence[str]]) -> Json:
    """Return the collection of an OpenAPI description.

    session_kinds: {value of a path key: kinds of sessions that it is about}, for questions that only some sessions answer.
    """
    operations = read_operations(schema)
    keys = {each.tag: each.key for each in operations if each.is_row}
    needs = needed_entities(operations, keys)
    parents = set().union(*needs.values())
    references = {tag: {keys[parent][0] for parent in tags} for tag, tags in needs.items()}
    required = {each.tag: {*each.body.get("required", [])} for each in operations if each.creates}
    requests = Requests(
        keys=keys, bodies=Bodies(keys=keys, references=references, required=required), session_kinds=session_kinds
    )

    def items(chosen: list[Operation]) -> list[Json]:
        return [item for each in chosen for item in requests.items(each)]

    last = [each for each in operations if each.method == "delete" and each.tag in parents]
    order = ordered(needs, parents)
    folders = []
    for tag in order:
        chosen = [each for each in operations if each.tag == tag and each not in last]
        folders.append({"name": tag, "item": items(sorted(chosen, key=Operation.sort_key))})
    deletions = items(sorted(last, key=lambda each: -order.index(each.tag)))
    auth = {"key": "Authorization", "value": "Token {{token}}", "in": "header"}
    return {
        "info": {
            "name": schema["info"]["title"],
            "description": f"{schema['info']['description']}\n\n{(postman.__doc__ or '').strip()}",
            "version": schema["info"]["version"],
            "schema": "https://schema.getpostman.com/json/collection/v2.1.0/collection.json",
        },
        "auth": {"type": "apikey", "apikey": [{"key": key, "value": value} for key, value in auth.items()]},
        "event": [script("prerequest", BEFORE_EACH), script("test", AFTER_EACH)],
        "item": [
            {"name": "Ids that later requests need", "event": [], "item": first_requests()},
            *folders,
            {"name": "Delete the added rows that others refer to", "item": deletions},
        ],
    }


def needed_entities(operations: list[Operation], keys: dict[str, tuple[str, str]]) -> dict[str, set[str]]:
    """Return {tag: tags of the entities that its rows or routes refer to}."""
    owners = {variable: tag for tag, (variable, _) in keys.items()}
    needs: dict[str, set[str]] = {each.tag: set() for each in operations}
    for each in operations:
        if each.creates:
            needs[each.tag] |= {owners[name] for name in each.properties if name in owners} - {each.tag}
        needs[each.tag] |= {segment for segment, _ in each.path_keys} & keys.keys() - {each.tag}
    return needs


def ordered(needs: dict[str, set[str]], parents: set[str]) -> list[str]:
    """Return the tags, each after those that it needs; parents as early as possible, circles in alphabetical order."""
    order: list[str] = []
    while left := [tag for tag in sorted(needs) if tag not in order]:
        ready = [tag for tag in left if needs[tag] <= set(order)] or left
        order += [tag for tag in ready if tag in parents] or ready
    return order


def first_requests() -> list[Json]:
    """Return the requests that look up ids; the first one clears the variables of an earlier run."""
    clear = script("prerequest", ["pm.collectionVariables.clear();", *BEFORE_EACH])
    return [
        {
            "name": name,
            "event": [
                *([clear] if number == 0 else []),
                script("test", ["const row = pm.response.json().results[0];", *remember(variables)]),
            ],
            "request": {"method": "GET", "header": [], "url": url(address)},
        }
        for number, (name, address, variables) in enumerate(FIRST_REQUESTS)
    ]


def remember(variables: dict[str, str]) -> list[str]:
    """Return JavaScript that sets each variable to a field of `row`."""
    return [f"if (row) pm.collectionVariables.set('{variable}', row.{field});" for variable, field in variables.items()]
