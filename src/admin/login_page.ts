/** The page that asks for the token. */

/**
 * Returns a form that sends the token in a body: URLs end up in histories and logs.
 *
 * @param notice A sentence above the form; it must not contain text from a client.
 */
export function loginPage(notice: string): string {
  return `<!DOCTYPE html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <meta name="robots" content="noindex">
    <title>conductor</title>
  </head>
  <body>
    <h1>conductor</h1>
    <p role="status">${notice}</p>
    <form method="post" action="/login">
      <p><label>Token<br>
        <input name="token" type="password" autocomplete="current-password" required autofocus></label></p>
      <p><button>Log in</button></p>
    </form>
  </body>
</html>
`;
}
