// Validators and schemas out of the JSON in which Convex's own tools write them.

import { defineSchema, defineTable } from "convex/server";
import { jsonToConvex, v } from "convex/values";

const leaves = {
  null: v.null,
  number: v.number,
  bigint: v.int64,
  boolean: v.boolean,
  string: v.string,
  bytes: v.bytes,
  any: v.any,
};

export function validator(json) {
  switch (json.type) {
    case "id":
      return v.id(json.tableName);
    case "literal":
      return v.literal(jsonToConvex(json.value));
    case "array":
      return v.array(validator(json.value));
    case "union":
      return v.union(...json.value.map(validator));
    case "object":
      return v.object(fields(json.value));
    case "record":
      return v.record(validator(json.keys), validator(json.values.fieldType));
    default:
      return leaves[json.type]();
  }
}

function fields(json) {
  return Object.fromEntries(
    Object.entries(json).map(([name, { fieldType, optional }]) => [
      name,
      optional ? v.optional(validator(fieldType)) : validator(fieldType),
    ]),
  );
}

/** @param json tables by name: what their documents are, and their indexes as [name, fields] */
export function schema(json) {
  const tables = {};
  for (const [name, { document, indexes }] of Object.entries(json)) {
    const table = defineTable(validator(document));
    for (const [index, of] of indexes) table.index(index, of);
    tables[name] = table;
  }
  return defineSchema(tables);
}
