"""A small Convex app that Convex's own clients are tried with."""

from __future__ import annotations

from codex_fakes.convex import (
    UNDEFINED,
    App,
    ConvexError,
    action,
    define_schema,
    define_table,
    internal_query,
    mutation,
    query,
    v,
)

SCHEMA = define_schema(
    {
        "messages": define_table({"body": v.string(), "author": v.union(v.string(), v.null())}),
        "counters": define_table({"name": v.string(), "count": v.number()}).index(
            "by_name", ["name"]
        ),
        "blobs": define_table({"data": v.bytes()}),
    }
)


@query
def every(ctx, args):
    return ctx.db.query("messages").collect()


@query(args={"paginationOpts": v.any()})
def page(ctx, args):
    return ctx.db.query("messages").order("desc").paginate(args["paginationOpts"])


@mutation(args={"body": v.string()}, returns=v.id("messages"))
def send(ctx, args):
    identity = ctx.auth.get_user_identity()
    author = None if identity is None else identity["subject"]
    ctx.log("sending", args["body"])
    return ctx.db.insert("messages", {"body": args["body"], "author": author})


@internal_query
def hidden(ctx, args):
    return "hidden"


@action(args={"body": v.string()})
async def relay(ctx, args):
    await ctx.run_mutation("messages:send", args)
    return len(await ctx.run_query("messages:list", {}))


@query(args={"name": v.string()})
def get(ctx, args):
    row = _counter(ctx, args["name"])
    return 0 if row is None else row["count"]


@mutation(args={"names": v.array(v.string())})
def bump(ctx, args):
    for name in args["names"]:
        row = _counter(ctx, name)
        if row is None:
            ctx.db.insert("counters", {"name": name, "count": 1})
        else:
            ctx.db.patch(row["_id"], {"count": row["count"] + 1})


@query(args={"name": v.string(), "most": v.number()})
def below(ctx, args):
    row = _counter(ctx, args["name"])
    count = 0 if row is None else row["count"]
    if count > args["most"]:
        raise ConvexError({"count": count, "most": args["most"]})
    return count


@mutation(args={"name": v.string()})
def clear(ctx, args):
    ctx.db.delete(_counter(ctx, args["name"])["_id"])


def _counter(ctx, name):
    return ctx.db.query("counters").with_index("by_name", lambda q: q.eq("name", name)).unique()


@query
def as_query(ctx, args):
    return args.get("value", UNDEFINED)


@mutation
def as_mutation(ctx, args):
    return args.get("value", UNDEFINED)


@action
async def as_action(ctx, args):
    return args.get("value", UNDEFINED)


@query
def failed_query(ctx, args):
    raise ConvexError(args["data"])


@mutation
def failed_mutation(ctx, args):
    ctx.db.insert("messages", {"body": "never", "author": None})
    raise ConvexError(args["data"])


@action
async def failed_action(ctx, args):
    raise ConvexError(args["data"])


@mutation
def broken_mutation(ctx, args):
    raise RuntimeError("plain failure")


@mutation
def size(ctx, args):
    return len(args["data"])


@mutation(args={"data": v.bytes()})
def store(ctx, args):
    return ctx.db.insert("blobs", args)


@query
def am(ctx, args):
    identity = ctx.auth.get_user_identity()
    return None if identity is None else identity["subject"]


MODULES = {
    "messages": {"list": every, "page": page, "send": send, "hidden": hidden, "relay": relay},
    "counters": {"get": get, "bump": bump, "below": below, "clear": clear},
    "values": {
        "query": as_query,
        "mutation": as_mutation,
        "action": as_action,
        "failedQuery": failed_query,
        "failedMutation": failed_mutation,
        "failedAction": failed_action,
        "brokenMutation": broken_mutation,
        "size": size,
    },
    "blobs": {"store": store},
    "who": {"am": am},
}
APP = App(schema=SCHEMA, modules=MODULES)
