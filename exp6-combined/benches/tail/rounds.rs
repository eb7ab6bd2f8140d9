//! The runs: how much the servers can do, whether the client keeps its schedule, and then rounds in which the servers take
//! turns.

use std::time::Duration;

use crate::Options;
use crate::client::{Client, Samples};
use crate::common::machine::{machine, versions};
use crate::common::page::{BENCHES, Page};
use crate::common::{allow_descriptors, quartiles, variant};
use crate::contest::peers;
use crate::contest::runtime::Runtime;
use crate::pin::{pin, two};
use crate::server::{Serve, Task, bare, on, start};

/// At the beginning of a run, what takes longer because it is the first time does not count.
const WARM_UP: Duration = Duration::from_millis(200);
/// Microseconds, a quarter of a computation. A client that is later than this with one request of a hundred measures itself.
const LATE: f64 = 50.0;
/// A run with a late client is repeated, and this often in all. The client's lateness alone decides.
const TRIES: usize = 3;

#[derive(Clone, Copy)]
struct Server {
    name: &'static str,
    serve: Serve,
}

const BARE: Server = Server {
    name: "bare",
    serve: bare,
};

struct Bench<'a> {
    options: &'a Options,
    page: Page,
    /// exp6, its peers, and last the loop without a runtime.
    servers: Vec<Server>,
    /// The processor of the server.
    processor: Option<usize>,
}

/// Microseconds, and computations a second.
struct Run {
    percentiles: [f64; 4],
    late: f64,
    computed: f64,
}

/// A server, whether it computes, and its runs.
type Row = (Server, bool, Vec<Run>);

pub(crate) fn run(options: &Options) -> Result<(), String> {
    allow_descriptors();
    let mut bench = Bench {
        options,
        page: Page::default(),
        servers: servers(&options.peers)?,
        processor: None,
    };
    bench.begin();
    let rate = options.rate.unwrap_or_else(|| bench.half());
    bench.page.line(&format!(
        "{rate} requests a second on {} connections; {} runs of {:?} for each line.",
        options.connections, options.rounds, options.time
    ));
    bench.check_client(rate);
    let rows = bench.rounds(rate);
    bench.table(&rows);
    if options.publish {
        bench.page.publish(BENCHES, "tail", None);
    }
    Ok(())
}

fn servers(peers: &[String]) -> Result<Vec<Server>, String> {
    fn of<R: Runtime>() -> Server {
        Server {
            name: R::NAME,
            serve: on::<R>,
        }
    }
    let find = |name: &String| match name.as_str() {
        "plain" => Ok(of::<peers::plain::Plain>()),
        "tokio" => Ok(of::<peers::tokio::Tokio>()),
        "smol" => Ok(of::<peers::smol::Smol>()),
        "compio" => Ok(of::<peers::compio::Compio>()),
        "monoio" => Ok(of::<peers::monoio::Monoio>()),
        _ => Err(format!("{name}: no such peer")),
    };
    let mut servers = vec![of::<peers::exp6::Exp6>()];
    for peer in peers {
        servers.push(find(peer)?);
    }
    servers.push(BARE);
    Ok(servers)
}

impl Bench<'_> {
    /// Says what is measured and where, and gives this thread, the client, a processor of its own.
    fn begin(&mut self) {
        let peers: Vec<_> = self.options.peers.iter().map(String::as_str).collect();
        let peers: Vec<_> = peers.into_iter().filter(|&name| name != "plain").collect();
        let line = format!("{}.\n{}.\n\n{}\n", versions(&peers), machine(), variant());
        self.page.line(&line);
        match two() {
            Some([server, client]) => {
                self.processor = Some(server);
                pin(client);
            }
            None => {
                let line = "✗ The client and the server need a processor each. With one, the figures say nothing.\n";
                self.page.line(line);
            }
        }
    }

    /// Half of the requests that the slowest runtime can answer a second, with the task that computes.
    fn half(&mut self) -> u64 {
        let time = self.options.time.min(Duration::from_secs(1));
        let runtimes = &self.servers[..self.servers.len() - 1];
        let mut rates = vec![Vec::new(); runtimes.len()];
        for _ in 0..self.options.rounds.min(5) {
            for (rates, &server) in rates.iter_mut().zip(runtimes) {
                rates.push(self.ask(server, true, |client| client.closed_loop(time)).0);
            }
        }
        let rates: Vec<_> = rates.iter().map(|rates| quartiles(rates)[1]).collect();
        let each = runtimes.iter().zip(&rates);
        let each: Vec<_> = each
            .map(|(server, rate)| format!("{} {rate:.0}", server.name))
            .collect();
        self.page.line(&format!(
            "In a closed loop, with the task that computes, answers a second: {}.",
            each.join(", ")
        ));
        let half = rates.into_iter().fold(f64::MAX, f64::min) / 2.0;
        // Two digits are enough.
        let unit = 10_f64.powf(half.log10().floor() - 1.0);
        ((half / unit).floor() * unit).max(1.0) as u64
    }

    /// Whether the client is on time with a server that has little to do.
    fn check_client(&mut self, rate: u64) {
        let time = self.options.time.min(Duration::from_secs(1));
        let (samples, _) = self.ask(BARE, false, |client| client.open_loop(rate, time, WARM_UP));
        let [half, most] = [0.5, 0.99].map(|part| percentile(&samples.lateness, part));
        let mark = if most > LATE { "✗ " } else { "" };
        self.page.line(&format!(
            "{mark}Before the rounds the client was late by {half:.1} µs (p50), {most:.1} µs (p99).\n"
        ));
    }

    /// Runs a server, and a client against it.
    fn ask<T>(&self, server: Server, computes: bool, ask: impl FnOnce(Client) -> T) -> (T, f64) {
        let connections = self.options.connections;
        let task = Task {
            connections,
            computes,
            processor: self.processor,
        };
        let (address, thread) = start(server.name, server.serve, task);
        let outcome = ask(Client::connect(address, connections));
        let computed = thread.join().unwrap_or_else(|_| panic!("{} failed", server.name));
        (outcome, computed)
    }

    /// The rows without the computing task, then those with it. The order is reversed in every other round.
    fn rounds(&mut self, rate: u64) -> Vec<Row> {
        let row = |computes| self.servers.iter().map(move |&server| (server, computes, Vec::new()));
        let mut rows: Vec<Row> = row(false).chain(row(true)).collect();
        let mut repeated = 0;
        for round in 0..self.options.rounds {
            let mut turns: Vec<_> = rows.iter_mut().collect();
            if round % 2 == 1 {
                turns.reverse();
            }
            for (server, computes, runs) in turns {
                let mut run = self.measure(*server, *computes, rate);
                for _ in 1..TRIES {
                    if run.late > LATE {
                        let again = self.measure(*server, *computes, rate);
                        repeated += 1;
                        if again.late < run.late {
                            run = again;
                        }
                    }
                }
                runs.push(run);
            }
        }
        if repeated > 0 {
            let line = format!("{repeated} runs were repeats of one in which the client was late.\n");
            self.page.line(&line);
        }
        rows
    }

    fn measure(&self, server: Server, computes: bool, rate: u64) -> Run {
        let time = self.options.time;
        let (samples, computed) = self.ask(server, computes, |client| client.open_loop(rate, time, WARM_UP));
        Run::new(&samples, computed)
    }

    fn table(&mut self, rows: &[Row]) {
        self.page
            .line("| µs | computes | p50 | p99 | p99.9 | longest | client late, p99 | computations a second |");
        self.page.line("|---|---|--:|--:|--:|--:|--:|--:|");
        let mut late = false;
        for (server, computes, runs) in rows {
            let of = |value: &dyn Fn(&Run) -> f64| quartiles(&runs.iter().map(value).collect::<Vec<_>>());
            let percentiles = [0, 1, 2, 3].map(|place| range(of(&|run| run.percentiles[place])));
            let client = of(&|run| run.late);
            let mark = if client[1] > LATE { " ✗" } else { "" };
            late |= client[1] > LATE;
            let (computes, computed) = match computes {
                true => ("yes", format!("{:.0}", of(&|run| run.computed)[1])),
                false => ("no", "–".to_owned()),
            };
            self.page.line(&format!(
                "| {} | {computes} | {} | {}{mark} | {computed} |",
                server.name,
                percentiles.join(" | "),
                range(client)
            ));
        }
        if late {
            let line = format!("\n✗ The client was late by more than {LATE} µs. These lines are worth little.");
            self.page.line(&line);
        }
    }
}

/// A median and its middle half.
fn range([low, middle, high]: [f64; 3]) -> String {
    format!("{middle:.0} [{low:.0} {high:.0}]")
}

impl Run {
    fn new(samples: &Samples, computed: f64) -> Self {
        Self {
            percentiles: [0.5, 0.99, 0.999, 1.0].map(|part| percentile(&samples.latency, part)),
            late: percentile(&samples.lateness, 0.99),
            computed,
        }
    }
}

/// In microseconds. So many of the samples are no longer than this.
fn percentile(sorted: &[u64], part: f64) -> f64 {
    let place = (sorted.len() as f64 * part).ceil() as usize;
    sorted[place.clamp(1, sorted.len()) - 1] as f64 / 1e3
}
