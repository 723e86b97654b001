// convex-test as the oracle: a program in, what each of its steps came to out.

import { advance, restart } from "./clock.mjs";
import { convexTest } from "convex-test";
import {
  componentsGeneric,
  makeFunctionReference,
  mutationGeneric,
  queryGeneric,
} from "convex/server";
import { v } from "convex/values";
import { failure, interpret, Names } from "./interpreter.mjs";
import { answerLines } from "./lines.mjs";
import { schema } from "./validators.mjs";

const START = 1_700_000_000_000;
const CHILD = componentsGeneric().child.oracle;
const RUN = makeFunctionReference("oracle:run");
const READ = makeFunctionReference("oracle:read");

// convex-test tells of a scheduled function that failed; here that is a result like another.
console.error = () => {};

function modules(names) {
  const args = { ops: v.string() };
  const handler = async (ctx, { ops }) =>
    JSON.stringify(await interpret(ctx, names, JSON.parse(ops), CHILD));
  const oracle = {
    run: mutationGeneric({ args, returns: v.string(), handler }),
    read: queryGeneric({ args, returns: v.string(), handler }),
  };
  return { "./oracle.js": async () => oracle, "./_generated/api.js": async () => ({}) };
}

async function outcome(promise) {
  try {
    return { results: JSON.parse(await promise) };
  } catch (error) {
    return failure(error);
  }
}

async function pages(t, step) {
  const found = [];
  let cursor = null;
  for (;;) {
    const ops = [{ ...step.pages, op: "page", cursor }];
    const said = await outcome(t.query(READ, { ops: JSON.stringify(ops) }));
    const [result] = said.results;
    if (result.error !== undefined) return result;
    if (result.page.length > 0) found.push(result.page);
    if (result.isDone) return found;
    cursor = result.cursor;
  }
}

async function ran(t, step) {
  const settled = () => t.finishInProgressScheduledFunctions();
  if (step.advance !== undefined) return await advance(step.advance, settled);
  let said;
  if (step.pages) said = await pages(t, step);
  else if (step.query) said = await outcome(t.query(READ, { ops: JSON.stringify(step.query) }));
  else said = await outcome(t.mutation(RUN, { ops: JSON.stringify(step.mutation) }));
  await advance(1, settled);
  return said;
}

await answerLines(async ({ tables, steps }) => {
  restart(START);
  const t = convexTest(schema(tables), modules(new Names()));
  t.registerComponent("child", schema(tables), modules(new Names()));
  const said = [];
  for (const step of steps) said.push((await ran(t, step)) ?? null);
  return said;
});
