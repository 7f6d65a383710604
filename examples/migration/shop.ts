/** Server of the shop, with the differences between its versions as options. */

/** Differences between the versions. */
export interface Version {
  readonly port: number;
  /** Name of the price field in the list of products. */
  readonly priceField: string;
  /** Status of a product that is sold out. */
  readonly soldOut: number;
  /** Converts cents to the total of a cart. */
  readonly total: (cents: number) => number;
}

const PRODUCTS = ["tea", "mug", "pot", "jar", "tin", "whisk"].map((name, at) => ({
  id: at + 1,
  name,
  cents: 399 * (at + 1),
}));
const TAGS = ["new", "green", "gift", "loose", "fair", "small"];

/** Serves one version. */
export function serveShop({ port, priceField, soldOut, total }: Version): void {
  const listItems = () => PRODUCTS.map(({ id, name, cents }) => ({ id, name, [priceField]: cents / 100 }));
  const onListen = ({ port }: Deno.NetAddr) => console.log(`http://127.0.0.1:${port}`);
  Deno.serve({ hostname: "127.0.0.1", port, onListen }, ({ method, url }) => {
    const [, kind, text] = new URL(url).pathname.split("/");
    const id = Number(text);
    // These fields differ in every response of either version.
    const own = { requestId: crypto.randomUUID(), time: new Date().toISOString() };
    const tags = TAGS.map((tag) => ({ tag, at: Math.random() })).sort((a, b) => a.at - b.at).map(({ tag }) => tag);

    if (method === "POST") return Response.json({ ...own, order: "accepted" }, { status: 201 });
    if (kind === "carts") return Response.json({ ...own, id, total: total(PRODUCTS[0]!.cents * id) });
    if (!text) return Response.json({ ...own, items: listItems() });
    if (id === PRODUCTS.length) return Response.json({ ...own, problem: "sold out" }, { status: soldOut });
    return Response.json({ ...own, ...PRODUCTS[id - 1], tags });
  });
}
