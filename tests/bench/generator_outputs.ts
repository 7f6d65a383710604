/** Real outputs of load generators, for tests of their parsers. */

/** `wrk -t1 -c2 -d1s --latency` without errors. */
export const WRK_GOOD = `Running 1s test @ http://127.0.0.1:9911/
  1 threads and 2 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency   128.26us  527.23us   8.57ms   96.25%
    Req/Sec    47.42k     8.38k   56.91k    81.82%
  Latency Distribution
     50%   27.00us
     75%   43.00us
     90%  103.00us
     99%    2.50ms
  51829 requests in 1.10s, 5.78MB read
Requests/sec:  47127.30
Transfer/sec:      5.26MB
`;

/** The same with status 502 in every response. */
export const WRK_BAD_STATUSES = `Running 1s test @ http://127.0.0.1:9911/bad
  1 threads and 2 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency   225.78us    1.16ms  15.90ms   96.86%
    Req/Sec    46.19k     9.45k   55.82k    60.00%
  Latency Distribution
     50%   29.00us
     75%   45.00us
     90%   88.00us
     99%    5.14ms
  45767 requests in 1.00s, 5.46MB read
  Non-2xx or 3xx responses: 45767
Requests/sec:  45757.02
Transfer/sec:      5.45MB
`;

/** The same with every connection closed without a response. */
export const WRK_SOCKET_ERRORS = `Running 1s test @ http://127.0.0.1:9912/
  1 threads and 2 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     0.00us    0.00us   0.00us    -nan%
    Req/Sec     0.00      0.00     0.00      -nan%
  Latency Distribution
     50%    0.00us
     75%    0.00us
     90%    0.00us
     99%    0.00us
  0 requests in 1.10s, 0.00B read
  Socket errors: connect 0, read 14106, write 0, timeout 0
Requests/sec:      0.00
Transfer/sec:       0.00B
`;

/** `h2load --h1 -t1 -c64 -D2 --rps=15.625` without errors, without its progress. */
export const H2LOAD_GOOD = `finished in 2.01s, 1024.00 req/s, 117.00KB/s
requests: 2048 total, 2048 started, 2048 done, 2048 succeeded, 0 failed, 0 errored, 0 timeout
status codes: 2048 2xx, 0 3xx, 0 4xx, 0 5xx
traffic: 234.00KB (239616) total, 168.00KB (172032) headers (space savings 0.00%), 4.00KB (4096) data
                     min         max         mean         sd        +/- sd
time for request:      782us      6.74ms      1.53ms      1.14ms    93.75%
`;

/** Beginning of its `--log-file`: start, status and duration in microseconds. */
export const H2LOAD_LOG = "1796094489133712\t200\t2791\n1796094489133718\t200\t2921\n1796094489133723\t200\t947\n";

/** `autocannon@8 --json -c 2 -d 1` with status 502 in every response. */
export const AUTOCANNON_BAD_STATUSES =
  `{"url":"http://127.0.0.1:9911/bad","connections":2,"sampleInt":1000,"pipelining":1,"workers":0,"duration":1.01,"samples":1,"start":"2026-11-23T00:39:18.094Z","finish":"2026-11-23T00:39:19.100Z","errors":0,"timeouts":0,"mismatches":0,"non2xx":38092,"resets":0,"1xx":0,"2xx":0,"3xx":0,"4xx":0,"5xx":38092,"statusCodeStats":{"502":{"count":38092}},"latency":{"average":0.01,"mean":0.01,"stddev":0.12,"min":1,"max":10,"p0_001":0,"p0_01":0,"p0_1":0,"p1":0,"p2_5":0,"p10":0,"p25":0,"p50":0,"p75":0,"p90":0,"p97_5":0,"p99":0,"p99_9":2,"p99_99":5,"p99_999":10,"totalCount":38092},"requests":{"average":38096,"mean":38096,"stddev":0,"min":38092,"max":38092,"total":38092,"p0_001":38111,"p0_01":38111,"p0_1":38111,"p1":38111,"p2_5":38111,"p10":38111,"p25":38111,"p50":38111,"p75":38111,"p90":38111,"p97_5":38111,"p99":38111,"p99_9":38111,"p99_99":38111,"p99_999":38111,"sent":38094},"throughput":{"average":4761600,"mean":4761600,"stddev":0,"min":4761500,"max":4761500,"total":4761500,"p0_001":4763647,"p0_01":4763647,"p0_1":4763647,"p1":4763647,"p2_5":4763647,"p10":4763647,"p25":4763647,"p50":4763647,"p75":4763647,"p90":4763647,"p97_5":4763647,"p99":4763647,"p99_9":4763647,"p99_99":4763647,"p99_999":4763647}}`;
