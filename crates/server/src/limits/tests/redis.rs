//! Counting in Redis: the same table, and two who share it.

use fred::clients::Client;
use fred::interfaces::{ClientLike as _, LuaInterface as _};
use fred::types::config::Config;
use tempfile::TempDir;

use super::*;
use crate::config::WhenAway;
use crate::limits::rate::Reach;
use crate::limits::shared::{Address, SharedLimiter};

/// Moves all instants that are kept back by some microseconds.
const ADVANCE: &str = "for _, key in ipairs(redis.call('KEYS', '*')) do
    local kept = tonumber(redis.call('GET', key))
    redis.call('SET', key, string.format('%.3f', kept - ARGV[1]), 'KEEPTTL')
end";

/// A Redis that ends with its test.
struct Redis {
    folder: TempDir,
    url: String,
}

impl Redis {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = script(&folder, "start", &[]);
        Self { folder, url }
    }

    async fn limiter(&self, config: LimitsConfig) -> Arc<SharedLimiter> {
        let (clock, metrics) = (Arc::new(Still::default()), LimitMetrics::default());
        let local = LocalLimiter::new(&Rates::new(&config), clock, &metrics);
        let address = Address::parse(&self.url).unwrap();
        let shared = metrics.shared("open");
        let limiter = SharedLimiter::open(&config, &address, local, shared).await;
        limiter.unwrap()
    }

    async fn client(&self) -> Client {
        let config = Config::from_url_centralized(&self.url).unwrap();
        let client = Client::new(config, None, None, None);
        client.init().await.unwrap();
        client
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        script(&self.folder, "stop", &[]);
    }
}

fn script(folder: &TempDir, verb: &str, more: &[&str]) -> String {
    let program = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/redis");
    let mut command = std::process::Command::new(program);
    let output = command
        .arg(verb)
        .arg(folder.path())
        .args(more)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Long enough for a machine that is busy: what is tested is what is counted.
fn patient(config: LimitsConfig) -> LimitsConfig {
    LimitsConfig {
        shared_milliseconds: 1000,
        ..config
    }
}

struct There {
    limiter: Arc<SharedLimiter>,
    client: Client,
}

#[async_trait]
impl Counting for There {
    async fn take(&self, whom: &[Key], count: NonZeroU32) -> Result<Verdict, Away> {
        self.limiter.take(whom, count).await
    }

    async fn advance(&self, by: Duration) {
        let micros = by.as_micros().to_string();
        let none = Vec::<String>::new();
        let () = self.client.eval(ADVANCE, none, micros).await.unwrap();
    }
}

#[tokio::test]
#[ignore = "needs Redis: run scripts/test"]
async fn counting_in_redis_conforms() {
    let redis = Redis::start();
    let (limiter, client) = (redis.limiter(patient(slow())).await, redis.client().await);
    assert_eq!(limiter.reach(), Some(Reach::Shared));
    conforms(&There { limiter, client }).await;
}

/// A limit that was made smaller, a clock that was set back, and what is no instant at all.
#[tokio::test]
#[ignore = "needs Redis: run scripts/test"]
async fn what_is_kept_in_redis_shuts_nobody_out_for_longer_than_the_limit_itself() {
    let redis = Redis::start();
    let (limiter, client) = (redis.limiter(patient(slow())).await, redis.client().await);
    let there = There { limiter, client };
    let one = NonZeroU32::MIN;
    there.take(&[address(1)], one).await.unwrap();
    let before =
        "for _, key in ipairs(redis.call('KEYS', '*')) do redis.call('SET', key, ARGV[1]) end";
    for (kept, seconds) in [("9e15", 100), ("nonsense", 0)] {
        let () = there
            .client
            .eval(before, Vec::<String>::new(), kept)
            .await
            .unwrap();
        let came = Expected::from(there.take(&[address(1)], one).await.unwrap());
        match seconds {
            0 => assert_eq!(came, Expected::Taken(2)),
            seconds => assert_eq!(
                came,
                Expected::Wait {
                    at: 0,
                    seconds,
                    left: 0
                }
            ),
        }
    }
}

/// What is there for a moment, by the clock of Redis, and nothing longer.
#[tokio::test]
#[ignore = "needs Redis: run scripts/test"]
async fn redis_forgets_who_has_nothing_to_make_good() {
    let redis = Redis::start();
    let config = LimitsConfig {
        anonymous_per_second: 1000.0,
        ..patient(slow())
    };
    let (limiter, client) = (redis.limiter(config).await, redis.client().await);
    let keys = "return #redis.call('KEYS', '{valetkey}:address:*')";
    for number in 0..200 {
        limiter
            .take(&[address(number)], NonZeroU32::MIN)
            .await
            .unwrap();
    }
    loop {
        let left: u64 = client
            .eval(keys, Vec::<String>::new(), Vec::<String>::new())
            .await
            .unwrap();
        if left == 0 {
            break;
        }
        tokio::task::yield_now().await;
    }
}

/// The instants come from Redis, so the machine may be as slow as it likes: whoever always wants more gets the burst, and
/// then what the rate gave meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Redis: run scripts/test"]
async fn two_who_share_a_limit_get_what_it_gives_to_within_a_hundredth() {
    const RATE: f64 = 500.0;
    const BURST: u32 = 500;
    let redis = Redis::start();
    let config = LimitsConfig {
        global_per_second: RATE,
        global_burst: BURST,
        ..patient(slow())
    };
    let client = redis.client().await;
    let limiters = [
        redis.limiter(config.clone()).await,
        redis.limiter(config).await,
    ];
    let now = "local time = redis.call('TIME') return time[1] * 1000000 + time[2]";
    let now = async || -> u64 {
        let none = Vec::<String>::new();
        client.eval(now, none.clone(), none).await.unwrap()
    };
    let began = now().await;
    let flood = |limiter: Arc<SharedLimiter>| async move {
        let (mut taken, mut refused) = (0_u32, 0_u32);
        while taken < 1000 {
            match limiter
                .take(&[Key::Everybody], NonZeroU32::MIN)
                .await
                .unwrap()
            {
                Verdict::Taken { .. } => taken += 1,
                Verdict::Refused { .. } => refused += 1,
            }
        }
        (taken, refused)
    };
    let [one, two] = limiters;
    let (one, two) = tokio::join!(tokio::spawn(flood(one)), tokio::spawn(flood(two)));
    let ((one, refused), (two, refused_too)) = (one.unwrap(), two.unwrap());
    let took = (now().await - began) as f64 / 1e6;
    let (given, taken) = (f64::from(BURST) + RATE * took, f64::from(one + two));
    assert!(refused + refused_too > 0, "nobody was ever refused");
    assert!(taken <= given + 1.0, "{taken} of {given}");
    // The last to come may have waited for some the other had.
    assert!(
        taken >= 0.99 * given || refused.min(refused_too) == 0,
        "{taken} of {given}"
    );
}

/// A password that does not hold, and a Redis that comes later.
#[tokio::test]
#[ignore = "needs Redis: run scripts/test"]
async fn who_cannot_be_asked_is_away_and_is_asked_again() {
    let redis = Redis::start();
    script(&redis.folder, "stop", &[]);
    let closed = LimitsConfig {
        when_away: WhenAway::Closed,
        ..patient(slow())
    };
    let limiters = [
        redis.limiter(patient(slow())).await,
        redis.limiter(closed).await,
    ];
    let taken = async |limiter: &Arc<SharedLimiter>| {
        let taken = limiter.take(&[address(1)], NonZeroU32::MIN).await;
        taken.map(Expected::from)
    };
    let reaches = || limiters.each_ref().map(|limiter| limiter.reach().unwrap());
    assert_eq!(reaches(), [Reach::Local, Reach::Nowhere]);
    assert_eq!(taken(&limiters[0]).await, Ok(Expected::Taken(2)));
    assert_eq!(taken(&limiters[1]).await, Err(Away));
    for limiter in limiters.clone() {
        tokio::spawn(async move { limiter.keep().await });
    }
    script(&redis.folder, "start", &[]);
    while reaches() != [Reach::Shared; 2] {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(taken(&limiters[0]).await, Ok(Expected::Taken(2)));
    assert_eq!(taken(&limiters[1]).await, Ok(Expected::Taken(1)));
}
