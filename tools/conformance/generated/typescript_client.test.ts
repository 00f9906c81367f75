// Types that openapi-typescript has generated from the site's schema, and openapi-fetch: its answers are those of a plain request.
// The compiler checks that each call and each field is one of the schema's.

import assert from "node:assert/strict";
import { test } from "node:test";

import createClient from "openapi-fetch";

import type { components, paths } from "./build/api.js";

const site = process.env.SITE as string;
const session_id = Number((process.env.SESSIONS as string).split(",")[0]);
const client = createClient<paths>({ baseUrl: site });

async function plain(path: string): Promise<any> {
  return (await fetch(site + path)).json();
}

type Answer = Promise<{ data?: unknown; response: Response }>;

async function agrees(asked: Answer): Promise<void> {
  const { data, response } = await asked;
  assert.equal(response.status, 200);
  const expected = await plain(response.url.slice(site.length));
  assert.deepEqual(data, expected);
  if (expected.results) assert.ok(expected.results.length, "there is nothing to compare");
}

const query = { session_id, page_size: 5 };
const calls: Record<string, () => Answer> = {
  races: () => client.GET("/api/v1/races/", { params: { query: { page_size: 2 } } }),
  sessions: () => client.GET("/api/v1/sessions/", { params: { query: { page_size: 3 } } }),
  session: () => client.GET("/api/v1/sessions/{session_id}/", { params: { path: { session_id } } }),
  drivers: () => client.GET("/api/v1/drivers/", { params: { query: { page_size: 4 } } }),
  laps: () => client.GET("/api/v1/laps/", { params: { query: { ...query, lap_number: 3, ordering: ["-lap_duration"] } } }),
  entries: () => client.GET("/api/v1/entries/", { params: { query } }),
  stints: () => client.GET("/api/v1/stints/", { params: { query } }),
  pit: () => client.GET("/api/v1/pit/", { params: { query } }),
  position: () => client.GET("/api/v1/position/", { params: { query } }),
  intervals: () => client.GET("/api/v1/intervals/", { params: { query } }),
  overtakes: () => client.GET("/api/v1/overtakes/", { params: { query } }),
  "race control": () => client.GET("/api/v1/race-control/", { params: { query } }),
  weather: () => client.GET("/api/v1/weather/", { params: { query } }),
  results: () => client.GET("/api/v1/session-result/", { params: { query } }),
  grid: () => client.GET("/api/v1/starting-grid/", { params: { query: { page_size: 5 } } }),
  radio: () => client.GET("/api/v1/team-radio/", { params: { query } }),
  neutralisations: () => client.GET("/api/v1/neutralisations/", { params: { query } }),
  samples: () => client.GET("/api/v1/sample-files/", { params: { query } }),
  "laps of /v1": () => client.GET("/v1/laps", { params: { query: { session_key: String(session_id), limit: 3 } } }),
};

for (const [name, call] of Object.entries(calls)) test(name, () => agrees(call()));

test("a refusal says what is wrong", async () => {
  const { data, error, response } = await client.GET("/api/v1/laps/", { params: { query: { race: "nowhere at all" } } });
  assert.equal(response.status, 400);
  assert.equal(data, undefined);
  assert.match(JSON.stringify(error), /nowhere at all/);
});

test("fields have the schema's types", async () => {
  const { data } = await client.GET("/api/v1/laps/", { params: { query } });
  assert.ok(typeof data === "object"); // and not a file of CSV, which `format` asks for
  const laps: components["schemas"]["Lap"][] = data.results;
  const times: (number | null | undefined)[] = laps.map((lap) => lap.lap_duration);
  assert.ok(times.some((time) => typeof time === "number"));
});
