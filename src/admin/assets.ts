/** Files of the dashboard. They are served as they are, without a build, and load nothing from other servers. */

import { type Asset, MEDIA_TYPES } from "./asset_files.ts";
import address from "./dashboard/address.js" with { type: "text" };
import chartTooltip from "./dashboard/chart_tooltip.js" with { type: "text" };
import charts from "./dashboard/charts.js" with { type: "text" };
import compareApi from "./dashboard/compare_api.js" with { type: "text" };
import comparisonStyle from "./dashboard/comparison.css" with { type: "text" };
import comparison from "./dashboard/comparison.js" with { type: "text" };
import connection from "./dashboard/connection.js" with { type: "text" };
import copyButton from "./dashboard/copy_button.js" with { type: "text" };
import curl from "./dashboard/curl.js" with { type: "text" };
import dashboardStyle from "./dashboard/dashboard.css" with { type: "text" };
import detailStyle from "./dashboard/detail.css" with { type: "text" };
import detail from "./dashboard/detail.js" with { type: "text" };
import differencesStyle from "./dashboard/differences.css" with { type: "text" };
import differences from "./dashboard/differences.js" with { type: "text" };
import dom from "./dashboard/dom.js" with { type: "text" };
import exchangesStyle from "./dashboard/exchanges.css" with { type: "text" };
import filters from "./dashboard/filters.js" with { type: "text" };
import format from "./dashboard/format.js" with { type: "text" };
import har from "./dashboard/har.js" with { type: "text" };
import headline from "./dashboard/headline.js" with { type: "text" };
import health from "./dashboard/health.js" with { type: "text" };
import icon from "./dashboard/icon.svg" with { type: "text" };
import icons from "./dashboard/icons.js" with { type: "text" };
import page from "./dashboard/index.html" with { type: "text" };
import keyedList from "./dashboard/keyed_list.js" with { type: "text" };
import labels from "./dashboard/labels.js" with { type: "text" };
import main from "./dashboard/main.js" with { type: "text" };
import mapStyle from "./dashboard/map.css" with { type: "text" };
import map from "./dashboard/map.js" with { type: "text" };
import mapLayout from "./dashboard/map_layout.js" with { type: "text" };
import mismatchList from "./dashboard/mismatch_list.js" with { type: "text" };
import narrowStyle from "./dashboard/narrow.css" with { type: "text" };
import noise from "./dashboard/noise.js" with { type: "text" };
import outcomes from "./dashboard/outcomes.js" with { type: "text" };
import overviewStyle from "./dashboard/overview.css" with { type: "text" };
import overview from "./dashboard/overview.js" with { type: "text" };
import pauseOnInteraction from "./dashboard/pause_on_interaction.js" with { type: "text" };
import rates from "./dashboard/rates.js" with { type: "text" };
import reloadNotice from "./dashboard/reload_notice.js" with { type: "text" };
import requestDetails from "./dashboard/request_details.js" with { type: "text" };
import sampleRow from "./dashboard/sample_row.js" with { type: "text" };
import store from "./dashboard/store.js" with { type: "text" };
import subjectDetail from "./dashboard/subject_detail.js" with { type: "text" };
import subjectList from "./dashboard/subject_list.js" with { type: "text" };
import subjectLists from "./dashboard/subject_lists.js" with { type: "text" };
import subjectsStyle from "./dashboard/subjects.css" with { type: "text" };
import subjects from "./dashboard/subjects.js" with { type: "text" };
import thresholds from "./dashboard/thresholds.js" with { type: "text" };
import timeline from "./dashboard/timeline.js" with { type: "text" };
import verdictsStyle from "./dashboard/verdicts.css" with { type: "text" };
import verdicts from "./dashboard/verdicts.js" with { type: "text" };
import views from "./dashboard/views.js" with { type: "text" };
import waterfall from "./dashboard/waterfall.js" with { type: "text" };

const { html: PAGE, css: STYLE, js: SCRIPT, svg: ICON } = MEDIA_TYPES;

const STYLES: Readonly<Record<string, string>> = {
  dashboard: dashboardStyle,
  overview: overviewStyle,
  map: mapStyle,
  subjects: subjectsStyle,
  exchanges: exchangesStyle,
  detail: detailStyle,
  comparison: comparisonStyle,
  verdicts: verdictsStyle,
  differences: differencesStyle,
  narrow: narrowStyle,
};

const SCRIPTS: Readonly<Record<string, string>> = {
  address,
  "chart_tooltip": chartTooltip,
  charts,
  "compare_api": compareApi,
  comparison,
  connection,
  "copy_button": copyButton,
  curl,
  detail,
  differences,
  dom,
  filters,
  format,
  har,
  headline,
  health,
  icons,
  "keyed_list": keyedList,
  labels,
  main,
  map,
  "map_layout": mapLayout,
  "mismatch_list": mismatchList,
  noise,
  outcomes,
  overview,
  "pause_on_interaction": pauseOnInteraction,
  rates,
  "reload_notice": reloadNotice,
  "request_details": requestDetails,
  "sample_row": sampleRow,
  store,
  "subject_detail": subjectDetail,
  "subject_list": subjectList,
  "subject_lists": subjectLists,
  subjects,
  thresholds,
  timeline,
  verdicts,
  views,
  waterfall,
};

/** The page at `/`, and its style sheets, scripts and icon below `/assets/`. */
export const ASSETS: readonly Asset[] = [
  { path: "/", type: PAGE, text: page },
  { path: "/assets/icon.svg", type: ICON, text: icon },
  ...Object.entries(STYLES).map(([name, text]) => ({ path: `/assets/${name}.css`, type: STYLE, text })),
  ...Object.entries(SCRIPTS).map(([name, text]) => ({ path: `/assets/${name}.js`, type: SCRIPT, text })),
];
