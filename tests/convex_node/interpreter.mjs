// Operations on a database as plain data, carried out inside a Convex function.
//
// tests/support/convex_operations.py does the same on the Python engine, operation by operation.
// In what is given and returned, documents have names: "@3" is the fourth one made in this
// component, and "@t3" the time it was made at.

import { makeFunctionReference } from "convex/server";
import { ConvexError, convexToJson, jsonToConvex } from "convex/values";

const RUN = makeFunctionReference("oracle:run");
const READ = makeFunctionReference("oracle:read");

/** What is known of the documents of one component. */
export class Names {
  ids = [];
  places = new Map();
  times = [];
  jobs = [];

  made(id) {
    this.places.set(id, this.ids.length);
    this.ids.push(id);
    return `@${this.ids.length - 1}`;
  }

  id(name) {
    return this.ids[Number(name.slice(1)) % this.ids.length];
  }

  job(name) {
    return this.jobs[Number(name.slice(1)) % this.jobs.length];
  }

  timeOf(document) {
    const place = this.places.get(document._id);
    this.times[place] ??= document._creationTime;
    return this.times[place] === document._creationTime ? `@t${place}` : "another time";
  }

  given(json) {
    return this.#resolved(jsonToConvex(json));
  }

  givenOrMissing(json) {
    return json !== null && typeof json === "object" && "$undefined" in json
      ? undefined
      : this.given(json);
  }

  givenFields(json) {
    return Object.fromEntries(
      Object.entries(json).map(([name, value]) => [name, this.givenOrMissing(value)]),
    );
  }

  returned(value) {
    return convexToJson(this.#named(value));
  }

  #resolved(value) {
    const name = typeof value === "string" && this.ids.length > 0 && /^@(t?)(\d+)$/.exec(value);
    if (name) return (name[1] ? this.times : this.ids)[Number(name[2]) % this.ids.length];
    return walked(value, (part) => this.#resolved(part));
  }

  #named(value) {
    if (typeof value === "string" && this.places.has(value)) return `@${this.places.get(value)}`;
    const named = walked(value, (part) => this.#named(part));
    if (value !== null && typeof value === "object" && "_creationTime" in value) {
      named._creationTime = this.timeOf(value);
    }
    return named;
  }
}

function walked(value, step) {
  if (Array.isArray(value)) return value.map(step);
  if (value !== null && typeof value === "object" && !(value instanceof ArrayBuffer)) {
    return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, step(part)]));
  }
  return value;
}

function failure(error) {
  if (!(error instanceof ConvexError)) return { error: "Error" };
  return { error: "ConvexError", data: convexToJson(error.data) };
}

function expression(q, names, json) {
  const [operator, ...operands] = json;
  switch (operator) {
    case "field":
      return q.field(operands[0]);
    case "value":
      return names.givenOrMissing(operands[0]);
    default:
      return q[operator](...operands.map((operand) => expression(q, names, operand)));
  }
}

function asked(db, names, { table, index, order, filter }) {
  let query = db.query(table);
  if (index) {
    query = query.withIndex(index.name, (range) => {
      for (const [bound, field, value] of index.range) {
        range = range[bound](field, names.givenOrMissing(value));
      }
      return range;
    });
  }
  if (order) query = query.order(order);
  if (filter) query = query.filter((q) => expression(q, names, filter));
  return query;
}

const operations = {
  nothing: async () => null,

  insert: async ({ db }, names, { table, doc }) => {
    const name = names.made(await db.insert(table, names.given(doc)));
    names.timeOf(await db.get(names.id(name)));
    return name;
  },
  get: async ({ db }, names, { id }) => names.returned(await db.get(names.id(id))),
  patch: async ({ db }, names, { id, fields }) =>
    await db.patch(names.id(id), names.givenFields(fields)),
  replace: async ({ db }, names, { id, doc }) => await db.replace(names.id(id), names.given(doc)),
  delete: async ({ db }, names, { id }) => await db.delete(names.id(id)),
  normalize: async ({ db }, names, { table, id }) =>
    names.returned(db.normalizeId(table, names.id(id))),

  query: async ({ db }, names, op) => {
    const query = asked(db, names, op);
    const [end, count] = op.end;
    return names.returned(await (end === "take" ? query.take(count) : query[end]()));
  },

  page: async ({ db }, names, op) => {
    const result = await asked(db, names, op).paginate({ numItems: op.size, cursor: op.cursor });
    const { page, continueCursor, isDone } = result;
    return { page: names.returned(page), cursor: continueCursor, isDone };
  },

  schedule: async ({ scheduler }, names, { delay, ops, target }) => {
    const aim = target ? makeFunctionReference(target) : RUN;
    names.jobs.push(await scheduler.runAfter(delay, aim, { ops: JSON.stringify(ops) }));
    return names.jobs.length - 1;
  },
  cancelPending: async ({ db, scheduler }, names, { job }) => {
    const found = await db.system.get(names.job(job));
    if (found?.state.kind === "pending") await scheduler.cancel(found._id);
    return found?.state.kind ?? null;
  },
  cancel: async ({ scheduler }, names, { job }) => await scheduler.cancel(names.job(job)),
  jobs: async ({ db }, names) => {
    const found = new Map();
    for (const job of await db.system.query("_scheduled_functions").collect()) {
      found.set(job._id, [job.state.kind, JSON.parse(job.args[0].ops)]);
    }
    return names.jobs.map((id) => found.get(id) ?? null);
  },
};

const needsDocument = new Set(["get", "patch", "replace", "delete", "normalize"]);

async function carriedOut(ctx, names, op, child) {
  if (needsDocument.has(op.op) && names.ids.length === 0) return "no document";
  if (op.op === "cancelPending" && names.jobs.length === 0) return "no job";
  if (op.op === "call") {
    const own = op.kind === "query" ? READ : RUN;
    const theirs = op.kind === "query" ? child.read : child.run;
    const call = op.kind === "query" ? ctx.runQuery : ctx.runMutation;
    return JSON.parse(await call(op.child ? theirs : own, { ops: JSON.stringify(op.ops) }));
  }
  return await operations[op.op](ctx, names, op);
}

/**
 * Carry out operations one after another. One that fails is told in its result; only "throw", and
 * a call that is not to be caught, end the function.
 */
export async function interpret(ctx, names, ops, child) {
  const results = [];
  for (const op of ops) {
    if (op.op === "throw") {
      throw op.data === undefined ? new Error("thrown") : new ConvexError(jsonToConvex(op.data));
    }
    try {
      results.push((await carriedOut(ctx, names, op, child)) ?? null);
    } catch (error) {
      if (op.op === "call" && !op.caught) throw error;
      results.push(failure(error));
    }
  }
  return results;
}

export { failure };
