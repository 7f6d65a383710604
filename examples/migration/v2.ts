/**
 * The new version of the shop, with three regressions: `deno run --allow-net examples/migration/v2.ts [PORT] [--fixed]`
 */
import { serveShop } from "./shop.ts";

const isFixed = Deno.args.includes("--fixed");
const [port = 8082] = Deno.args.filter((arg) => arg !== "--fixed");

serveShop({
  port: Number(port),
  priceField: isFixed ? "unit_price" : "unitPrice", // 1. a renamed field
  soldOut: isFixed ? 410 : 404, // 2. another status
  total: (cents) => isFixed ? cents / 100 : Math.round(cents / 10) / 10, // 3. a rounded number
});
