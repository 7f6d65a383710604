/** Compares the answers to the requests of one configuration, after the clients have theirs. */

import type { Config, Member, Route, Service } from "../config/config.ts";
import { isSafeMethod } from "../config/safe_methods.ts";
import type { Inbound } from "../exchange/inbound.ts";
import type { Observer } from "../observe/events.ts";
import { routeLabel } from "../observe/route_label.ts";
import type { CapturedAnswer } from "./answer.ts";
import { compareAnswers } from "./compare_answers.ts";
import { comparedEvent } from "./compared_event.ts";
import type { Comparison } from "./comparison.ts";
import type { Comparisons } from "./comparisons.ts";
import { ExchangeCapture } from "./exchange_capture.ts";
import { MemoryBudget } from "./memory_budget.ts";
import { CompareRules } from "./rules.ts";
