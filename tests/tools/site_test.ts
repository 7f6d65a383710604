import { assertEquals, assertStringIncludes } from "@std/assert";
import { githubSlug, mapLinks, relativeLinks } from "../../tools/markdown.ts";
import { sidebarOf, sitePage, sitePath } from "../../tools/site/pages.ts";

const REPOSITORY = "https://github.com/owner/name";

Deno.test("sitePage() keeps links within docs/, and leads other links to the repository", () => {
  const text =
    "[a](../reference/cli.md#serve) [b](../README.md) [c](../../examples/x.yaml) [d](#e) [f](https://a.test/)";
  assertEquals(
    sitePage("guides/deploy.md", text, REPOSITORY),
    `[a](../reference/cli.md#serve) [b](../index.md) [c](${REPOSITORY}/blob/main/examples/x.yaml) [d](#e) [f](https://a.test/)`,
  );
});

Deno.test("sitePage() keeps only the text of links to other files if the repository is not known", () => {
  assertEquals(sitePage("guides/deploy.md", "see [`x.yaml`](../../examples/x.yaml).", undefined), "see `x.yaml`.");
});

Deno.test("sitePage() makes a picture follow the scheme of the page", () => {
  const picture = '<picture>\n  <source media="(prefers-color-scheme: dark)" srcset="../dark.png">\n' +
    '  <img src="../light.png" alt="text">\n</picture>';
  assertEquals(
    sitePage("guides/compare.md", picture, undefined),
    '<img class="light-only" src="../light.png" alt="text">\n<img class="dark-only" src="../dark.png" alt="text">',
  );
});

Deno.test("sitePage() puts the landing page in front of the index", () => {
  const page = sitePage("README.md", "# Title\n\n- [a](guides/a.md)\n", undefined);
  assertStringIncludes(page, "layout: home");
  assertEquals(page.endsWith("\n\n- [a](guides/a.md)\n"), true);
  assertEquals([sitePath("README.md"), sitePath("decisions/README.md"), sitePath("guides/a.md")], [
    "index.md",
    "decisions/index.md",
    "guides/a.md",
  ]);
});

Deno.test("sidebarOf() has a group for each section of the index, and one for the decisions", () => {
  const index = "# Docs\n\n## Guides\n\n- [One](guides/one.md): first\n\n## More\n\n- [Two](explanation/two.md)\n" +
    "- [Decisions](decisions/README.md): records\n";
  assertEquals(sidebarOf(index, "- [001: `a`](001-a.md)\n"), [
    { text: "Guides", items: [{ text: "One", link: "/guides/one" }] },
    { text: "More", items: [{ text: "Two", link: "/explanation/two" }] },
    {
      text: "Decisions",
      link: "/decisions/index",
      collapsed: true,
      items: [{ text: "001: a", link: "/decisions/001-a" }],
    },
  ]);
});

Deno.test("mapLinks() and relativeLinks() ignore code and images", () => {
  const page = "[a](b.md) `[c](d.md)` ![e](f.png)\n\n```md\n[g](h.md)\n```\n\n[`i`](j.md)\n";
  const seen: string[] = [];
  mapLinks(page, (target) => {
    seen.push(target);
    return target;
  });
  assertEquals(seen, ["b.md", "j.md"]);
  assertEquals(relativeLinks(page).map(({ path }) => path), ["b.md", "f.png", "j.md"]);
});

Deno.test("githubSlug() makes the anchors that GitHub makes", () => {
  assertEquals(["services[].tls", "Does it work?", "A & B", "snake_case, kebab-case"].map(githubSlug), [
    "servicestls",
    "does-it-work",
    "a--b",
    "snake_case-kebab-case",
  ]);
});
