/**
 * A relay of an admin listener that holds its states back: a page behind it gets two states, with all traffic between
 * them, so that its rates are those of the whole traffic.
 */

import type { StateView } from "../../src/admin/api.ts";

/** A running relay. */
export interface StateRelay extends AsyncDisposable {
  /** URL of the dashboard, with a trailing slash. */
  readonly url: string;
  /** Sends the second state. */
  advance(after: StateView): void;
}

/** Starts a relay. Everything except the states comes from the admin listener. */
export function startRelay(adminUrl: string, before: StateView): StateRelay {
  const advanced = Promise.withResolvers<StateView>();
  const stop = new AbortController();
  let reads = 0;
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, async (request) => {
    const { pathname, search } = new URL(request.url);
    if (pathname === "/api/state") return Response.json(reads++ === 0 ? before : await advanced.promise);
    const url = new URL(`${pathname.slice(1)}${search}`, adminUrl);
    const headers = new Headers(request.headers);
    headers.set("accept-encoding", "identity");
    // The admin listener refuses pages of other origins.
    headers.delete("origin");
    const response = await fetch(url, { headers, redirect: "manual", signal: stop.signal }).catch(() => undefined);
    if (response === undefined) return new Response(null, { status: 502 });
    if (pathname !== "/api/events") return response;
    const events = eventsOf(response.body!, [before, advanced.promise]);
    return new Response(events, { headers: { "content-type": "text/event-stream" } });
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}/`,
    advance: advanced.resolve,
    async [Symbol.asyncDispose]() {
      advanced.resolve(before);
      stop.abort();
      await server.shutdown();
    },
  };
}

function eventsOf(
  body: ReadableStream<Uint8Array>,
  [before, after]: readonly [StateView, Promise<StateView>],
): ReadableStream<Uint8Array> {
  let pending = "";
  let current = before;
  const send = (controller: TransformStreamDefaultController<string>) =>
    controller.enqueue(`event: state\ndata: ${JSON.stringify(current)}\n\n`);
  return body.pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>).pipeThrough(
    new TransformStream<string, string>({
      start(controller) {
        send(controller);
        after.then((view) => {
          current = view;
          send(controller);
        }).catch(() => {});
      },
      transform(chunk, controller) {
        const events = (pending + chunk).split("\n\n");
        pending = events.pop() ?? "";
        for (const event of events) {
          // A page without new states would show a lost connection; the same state again changes nothing.
          if (event.includes("event: state")) send(controller);
          else controller.enqueue(`${event}\n\n`);
        }
      },
    }),
  ).pipeThrough(new TextEncoderStream());
}
