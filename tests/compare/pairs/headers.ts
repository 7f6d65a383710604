/** Header fields: cookies, security, caching, content types, redirects. */

import { headerPairs, type Pair } from "./pair.ts";

const CSP = "Content-Security-Policy";
const HSTS = "Strict-Transport-Security";
const SESSION = "SAKAIID=1; Path=/; HttpOnly; Secure; SameSite=Lax";

function cookie(line: string): unknown {
  return [["Set-Cookie", line]];
}

export const HEADERS: readonly Pair[] = [
  ...headerPairs([
    ["mitre/HTTP-Proxy-Servlet#259", "a lost SameSite", cookie("a=1; Path=/; SameSite=Strict"), cookie("a=1; Path=/"), [
      "header:set-cookie.a.samesite",
    ]],
    [
      "oauth2-proxy/oauth2-proxy#450",
      "a SameSite that is not copied",
      cookie("_oauth2_proxy_0=1; SameSite=Lax; HttpOnly"),
      cookie("_oauth2_proxy_0=1; HttpOnly"),
      [
        "header:set-cookie._oauth2_proxy_0.samesite",
      ],
    ],
    ["sakaiproject/sakai#14835", "a lost HttpOnly", cookie(SESSION), cookie(SESSION.replace("; HttpOnly", "")), [
      "header:set-cookie.sakaiid.httponly",
    ]],
    ["bcgov/entity#24355", "three lost attributes", cookie(SESSION), cookie("SAKAIID=1; Path=/"), [
      "header:set-cookie.sakaiid.httponly",
      "header:set-cookie.sakaiid.secure",
      "header:set-cookie.sakaiid.samesite",
    ]],
    ["sonyseng/json-caching-proxy#12", "a lost Secure", cookie("a=1; Secure"), cookie("a=1"), [
      "header:set-cookie.a.secure",
    ]],
    [
      "sonyseng/json-caching-proxy#12",
      "a lost Secure that is expected",
      cookie("a=1; Secure"),
      cookie("a=1"),
      "alike",
      { ignore: "header:set-cookie.*.secure" },
    ],
    ["sillsdev/web-xforge#753", "None instead of Lax", cookie("c=1; SameSite=Lax"), cookie("c=1; SameSite=None"), [
      "header:set-cookie.c.samesite",
    ]],
    [
      "envoyproxy/envoy#31552",
      "an added SameSite",
      cookie("OauthHMAC=1; Path=/"),
      cookie("OauthHMAC=1; Path=/; SameSite=Lax"),
      ["header:set-cookie.oauthhmac.samesite"],
    ],
    [
      "intershop/intershop-pwa#1485",
      "attributes in another order and case",
      cookie("a=1; secure; samesite=strict"),
      cookie("a=2; SameSite=Strict; Secure"),
      "alike",
    ],
    [
      "mozilla-iam/dino-park-issues#100",
      "another domain",
      cookie("u=1; Domain=people.mozilla.org"),
      cookie("u=1; Domain=mozilla.org"),
      ["header:set-cookie.u.domain"],
    ],
    [
      "bakape/shamichan#1270",
      "an added Secure",
      cookie("login=1; SameSite=Lax"),
      cookie("login=1; SameSite=Lax; Secure"),
      ["header:set-cookie.login.secure"],
    ],
    ["vanilla/vanilla#9664", "a policy that became empty", [[CSP, "frame-ancestors 'self'"]], [[CSP, ""]], [
      "header:content-security-policy.frame-ancestors",
    ]],
    ["canonical/indico-operator#247", "a lost policy", [[CSP, "default-src 'self';form-action 'self'"]], [], [
      "header:content-security-policy",
    ]],
    [
      "habibjutt/nextjs_boilerplate#81",
      "five lost fields",
      [
        [CSP, "default-src 'self'"],
        ["X-Frame-Options", "SAMEORIGIN"],
        ["X-Content-Type-Options", "nosniff"],
        [HSTS, "max-age=1"],
        ["Referrer-Policy", "strict-origin-when-cross-origin"],
      ],
      [],
      [
        "header:content-security-policy",
        "header:strict-transport-security",
        "header:x-content-type-options",
        "header:x-frame-options",
        "header:referrer-policy",
      ],
    ],
    [
      "storj-archived/tardigrade.io#56",
      "headers removed by accident",
      [["X-Frame-Options", "DENY"], ["X-Content-Type-Options", "nosniff"]],
      [["X-Frame-Options", "deny"]],
      [
        "header:x-content-type-options",
      ],
    ],
    ["third-culture-software/bhima#4781", "another default policy", [[CSP, "default-src 'self'; img-src *"]], [[
      CSP,
      "default-src 'self'",
    ]], ["header:content-security-policy.img-src"]],
    ["medic/cht-core#5082", "a stricter directive", [[CSP, "frame-src 'self'"]], [[CSP, "frame-src 'none'"]], [
      "header:content-security-policy.frame-src",
    ]],
    ["andrewlock/NetEscapades.AspNetCore.SecurityHeaders#117", "another nonce", [[CSP, "script-src 'nonce-r4nd0m'"]], [[
      CSP,
      "script-src 'nonce-0th3r'",
    ]], "alike"],
    ["magento/magento2#38615", "a nonce that is missing", [[CSP, "script-src 'self' 'nonce-abc'"]], [[
      CSP,
      "script-src 'self'",
    ]], ["header:content-security-policy.script-src"]],
    ["NWebsec/NWebsec#66", "a nonce for scripts only", [[CSP, "script-src 'nonce-a'; style-src 'nonce-b'"]], [[
      CSP,
      "script-src 'nonce-c'; style-src 'self'",
    ]], [
      "header:content-security-policy.style-src",
    ]],
    ["Baroshem/nuxt-security#257", "sources in another order", [[CSP, "script-src 'self' https: 'nonce-a'"]], [[
      CSP,
      "script-src 'nonce-b' 'self' https:",
    ]], "alike"],
    ["rust-lang/crates.io#7345", "a policy that is new", [], [[CSP, "default-src 'self'"]], [
      "header:content-security-policy",
    ]],
    ["motiv-labs/janus#36", "an origin that is sent twice", [["Access-Control-Allow-Origin", "https://a.example"]], [
      ["Access-Control-Allow-Origin", "https://a.example"],
      ["Access-Control-Allow-Origin", "https://a.example"],
    ], ["header:access-control-allow-origin"]],
    [
      "spring-cloud/spring-cloud-gateway#728",
      "an origin and credentials that are sent twice",
      [
        ["Access-Control-Allow-Origin", "https://y"],
        ["Access-Control-Allow-Credentials", "true"],
      ],
      [["Access-Control-Allow-Origin", "https://y, https://y"], ["Access-Control-Allow-Credentials", "true, true"]],
      [
        "header:access-control-allow-origin",
        "header:access-control-allow-credentials",
      ],
    ],
    ["larskuhtz/wai-cors#20", "a wildcard that is sent twice", [["Access-Control-Allow-Origin", "*"]], [[
      "Access-Control-Allow-Origin",
      "*, *",
    ]], [
      "header:access-control-allow-origin",
    ]],
    ["swisspost/gateleen#192", "methods that are sent twice, which browsers accept", [[
      "Access-Control-Allow-Methods",
      "GET, POST",
    ]], [
      ["Access-Control-Allow-Methods", "GET, POST, GET, POST"],
    ], "alike"],
    ["compatibleone/accords-platform#26", "an origin instead of the wildcard", [["Access-Control-Allow-Origin", "*"]], [
      ["Access-Control-Allow-Origin", "https://a"],
    ], [
      "header:access-control-allow-origin",
    ]],
    ["fruitcake/laravel-cors#63", "allowed headers in another order and case", [[
      "Access-Control-Allow-Headers",
      "ACCEPT, CONTENT-TYPE",
    ]], [
      ["Access-Control-Allow-Headers", "content-type,accept"],
    ], "alike"],
    ["psf/cachecontrol#467", "directives in another case", [["Cache-Control", "No-Store"]], [[
      "Cache-Control",
      "no-store",
    ]], "alike"],
    ["expressjs/compression#284", "directives in another order", [["Cache-Control", "No-Transform, max-age=5"]], [[
      "cache-control",
      "max-age=5,no-transform",
    ]], "alike"],
    ["jshttp/fresh#79", "a lost no-cache", [["Cache-Control", "no-cache, private"]], [["Cache-Control", "private"]], [
      "header:cache-control",
    ]],
    [
      "svanoort/pyresttest#189",
      "a field that is not compared by default",
      [["Server", "a"]],
      [["Server", "b"]],
      "alike",
    ],
    ["svanoort/pyresttest#189", "a field that is compared", [["X-Api", "a"]], [["X-Api", "b"]], ["header:x-api"], {
      headers: ["x-api"],
    }],
    [
      "keploy/keploy#4471",
      "a request id in a compared field",
      [["X-Request-Id", "1aa0"]],
      [["X-Request-Id", "e612"]],
      "alike",
      {
        headers: ["x-request-id"],
        normalise: { pattern: "[0-9a-f]+", replacement: "id", path: "header:x-request-id" },
      },
    ],
    ["keploy/keploy#134", "an ignored field", [["Location", "/a"]], [["Location", "/b"]], "alike", {
      ignore: "header:location",
    }],
    ["SpectoLabs/hoverfly#759", "all fields ignored", [["Location", "/a"], ["Cache-Control", "private"]], [], "alike", {
      ignore: "header:*",
    }],
    ["saurfang/rwebhdfs#4", "a redirect to another host", [["Location", "http://hdfs:1/x"]], [[
      "Location",
      "http://localhost:1/x",
    ]], ["header:location"]],
    [
      "saurfang/rwebhdfs#4",
      "a redirect to another host that is expected",
      [["Location", "http://hdfs:1/x"]],
      [["Location", "http://localhost:1/x"]],
      "alike",
      {
        normalise: { pattern: "https?://[^/]+", path: "header:location" },
      },
    ],
    ["aaronpowell/httpstatus#160", "a lost location", [["Location", "https://httpstat.us"]], [], ["header:location"]],
  ]),
  ...([
    [
      "pact-foundation/pact-js#512",
      "a charset in another case",
      "application/json; charset=UTF-8",
      "application/json; charset=utf-8",
      "alike",
    ],
    [
      "apple/ccs-caldavtester#11",
      "a space before the charset",
      "text/calendar;charset=utf-8",
      "text/calendar; charset=UTF-8",
      "alike",
    ],
    ["pact-foundation/pact-reference#406", "an added charset", "text/plain", "text/plain; charset=utf-8", [
      "header:content-type",
    ]],
    [
      "pact-foundation/pact-js#713",
      "another media type",
      "application/hal+json; charset=utf-8",
      "application/json; charset=utf-8",
      ["header:content-type"],
    ],
    [
      "pact-foundation/pact-net#62",
      "a lost parameter",
      "application/json; version=1; charset=utf-8",
      "application/json; charset=utf-8",
      ["header:content-type"],
    ],
    ["apiaryio/dredd#513", "JSON as plain text", "application/json;charset=utf-8", "text/plain", [
      "header:content-type",
    ]],
    ["FineUploader/fine-uploader#25", "JSON as HTML", "application/json", "text/html", ["header:content-type"]],
  ] as const).map(([from, about, a, b, is]): Pair => ({
    from,
    about,
    expected: { type: a, body: '{"a":1}' },
    actual: { type: b, body: '{"a":1}' },
    is,
  })),
];
