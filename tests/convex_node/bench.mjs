// convex-test at work, timed from the inside: {"rows": n} fills a table, {"run", "times"} is
// answered with the seconds it took. benchmarks/convex_engine.py runs the same on the engine.

import { convexTest } from "convex-test";
import {
  defineSchema,
  defineTable,
  makeFunctionReference,
  mutationGeneric,
  queryGeneric,
} from "convex/server";
import { v } from "convex/values";
import { answerLines } from "./lines.mjs";

const schema = defineSchema({
  rows: defineTable({ key: v.string(), count: v.number() }).index("by_key", ["key"]),
});

const found = ({ db }, key) =>
  db
    .query("rows")
    .withIndex("by_key", (q) => q.eq("key", key))
    .unique();

const bench = {
  empty: mutationGeneric({ args: {}, handler: async () => null }),
  insert: mutationGeneric({
    args: { key: v.string() },
    handler: async ({ db }, { key }) => await db.insert("rows", { key, count: 0 }),
  }),
  fill: mutationGeneric({
    args: { from: v.number(), to: v.number() },
    handler: async ({ db }, { from, to }) => {
      for (let place = from; place < to; place++) {
        await db.insert("rows", { key: `row${place}`, count: 0 });
      }
    },
  }),
  lookup: queryGeneric({
    args: { key: v.string() },
    handler: async (ctx, { key }) => await found(ctx, key),
  }),
  bump: mutationGeneric({
    args: { key: v.string() },
    handler: async (ctx, { key }) => {
      const row = await found(ctx, key);
      await ctx.db.patch(row._id, { count: row.count + 1 });
    },
  }),
};
const modules = {
  "./bench.js": async () => bench,
  "./_generated/api.js": async () => ({}),
};
const called = Object.fromEntries(
  Object.keys(bench).map((name) => [name, makeFunctionReference(`bench:${name}`)]),
);
const AT_ONCE = 1_000;

let t;
let rows = 0;

async function filled(wanted) {
  t = convexTest(schema, modules);
  rows = wanted;
  for (let from = 0; from < wanted; from += AT_ONCE) {
    await t.mutation(called.fill, { from, to: Math.min(wanted, from + AT_ONCE) });
  }
}

const runs = {
  empty: () => t.mutation(called.empty, {}),
  insert: (turn) => t.mutation(called.insert, { key: `new${turn}` }),
  lookup: (turn) => t.query(called.lookup, { key: `row${(turn * 7919) % rows}` }),
  bump: (turn) => t.mutation(called.bump, { key: `row${(turn * 7919) % rows}` }),
};

async function timed(run, times) {
  const begin = performance.now();
  for (let turn = 0; turn < times; turn++) await run(turn);
  return (performance.now() - begin) / 1000;
}

await answerLines(async ({ rows: wanted, run, times }) =>
  wanted === undefined ? await timed(runs[run], times) : await filled(wanted),
);
