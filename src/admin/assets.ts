/** The files of the dashboard. */

/** One file. */
export interface Asset {
  /** Where it is served. */
  readonly path: string;
  /** Its media type. */
  readonly type: string;
  /** Its text. */
  readonly text: string;
}

/** All files that are served; `/` is the page. */
export const ASSETS: readonly Asset[] = [{
  path: "/",
  type: "text/html; charset=utf-8",
  text: `<!doctype html>
<html lang="en">
<title>conductor</title>
<h1>conductor</h1>
<ul>
<li><a href="/api/state">/api/state</a>
<li><a href="/api/exchanges">/api/exchanges</a>
<li><a href="/api/events">/api/events</a>
<li><a href="/metrics">/metrics</a>
<li><a href="/config">/config</a>
</ul>
</html>
`,
}];
