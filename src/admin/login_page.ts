/** The page that asks for the token. */

import style from "./login.css" with { type: "text" };

/** Style sheet of the page. Served without a token, because a browser has none yet. */
export const LOGIN_STYLE = { path: "/assets/login.css", type: "text/css; charset=utf-8", text: style } as const;

/**
 * Returns a form that sends the token in a body: URLs end up in histories and logs.
 *
 * @param isRefused True if the browser sent a wrong token.
 */
export function loginPage(isRefused: boolean): string {
  const notice = isRefused
    ? '<p role="alert">Invalid token. Try again.</p>'
    : "<p>Enter the token of the admin listener.</p>";
  return `<!DOCTYPE html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <meta name="robots" content="noindex">
    <title>Log in · conductor</title>
    <link rel="stylesheet" href="${LOGIN_STYLE.path}">
    <link rel="icon" href="data:,">
  </head>
  <body>
    <main>
      <h1>conductor</h1>
      ${notice}
      <form method="post" action="/login">
        <label for="token">Token</label>
        <input id="token" name="token" type="password" autocomplete="current-password" required autofocus>
        <button>Log in</button>
      </form>
    </main>
  </body>
</html>
`;
}
