use super::*;
use grid::OperatorRecords as _;

const PASSWORD: &str = "the operator's";

impl Rig {
    async fn with_operator() -> Self {
        let rig = Self::new().await;
        rig.store.set_operator_password(PASSWORD).await.unwrap();
        rig
    }

    async fn log_in(&self, password: &str) -> Answer {
        let (cookie, token) = self.form("/operate/login", "").await;
        self.post("/operate/login", &cookie, &[("token", &token), ("password", password)]).await
    }

    /// The cookie of somebody who is logged in.
    async fn inside(&self) -> String {
        let answer = self.log_in(PASSWORD).await;
        assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, "/operate"));
        let line = answer.header("set-cookie");
        assert!(line.contains("HttpOnly") && line.contains("SameSite=Strict"), "{line}");
        answer.cookie().unwrap()
    }
}

const PAGES: [&str; 6] = [
    "/operate",
    "/operate/sessions",
    "/operate/transfers",
    "/operate/transfers/00000000-0000-0000-0000-000000000001-s4",
    "/operate/metrics",
    "/operate/switches",
];

/// Until the lookout has heard of the transfer.
async fn heard(rig: &Rig, cookie: &str) {
    while !rig.get("/operate/transfers", cookie).await.body.contains("000000000001-s4") {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn the_operator_sees_everything_and_nothing_harmful() {
    let rig = Rig::with_operator().await;
    let cookie = rig.inside().await;
    heard(&rig, &cookie).await;
    for path in PAGES {
        let page = rig.get(path, &cookie).await;
        assert_eq!(page.status, StatusCode::OK, "{path}");
        assert_eq!(page.header("cache-control"), "no-store");
        page.assert_guarded();
        page.assert_harmless();
    }
    for path in
        ["/operate/nothing", "/operate/transfers/x", "/operate/live/nothing", "/operate/live/transfers/x"]
    {
        assert_eq!(rig.get(path, &cookie).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    let unknown = "/operate/transfers/00000000-0000-0000-0000-000000000001-s5";
    assert_eq!(rig.get(unknown, &cookie).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn without_a_session_there_is_only_the_form() {
    let rig = Rig::with_operator().await;
    for path in PAGES.iter().chain(&["/operate/tile/1/1"]) {
        for cookie in ["", "sojourn-operator=1", &format!("sojourn-operator={}", "0".repeat(64))] {
            let answer = rig.get(path, cookie).await;
            assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, "/operate/login"));
        }
    }
    assert_eq!(rig.get("/operate/live/sessions", "").await.status, StatusCode::UNAUTHORIZED);
    let answer = rig.post("/operate/switches", "", &[("what", "notice"), ("text", "x")]).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    rig.log_in(PASSWORD).await.assert_guarded();
}

#[tokio::test]
async fn whoever_is_not_admitted_does_not_see_even_that() {
    let rig = Rig::with_operator().await;
    for path in ["/operate", "/operate/login", "/operate/look/x"] {
        let mut proxied = request(Method::GET, path, "", "");
        proxied.headers_mut().insert("x-forwarded-for", "203.0.113.1".parse().unwrap());
        assert_eq!(rig.ask(proxied).await.status, StatusCode::FORBIDDEN, "{path}");
        let mut far = request(Method::GET, path, "", "");
        let address: SocketAddr = "203.0.113.1:1".parse().unwrap();
        far.extensions_mut().insert(ConnectInfo(address));
        assert_eq!(rig.ask(far).await.status, StatusCode::FORBIDDEN, "{path}");
        let mut nowhere = request(Method::GET, path, "", "");
        nowhere.extensions_mut().clear();
        assert_eq!(rig.ask(nowhere).await.status, StatusCode::FORBIDDEN, "{path}");
    }
}

#[tokio::test]
async fn wrong_passwords_are_refused_and_counted() {
    let rig = Rig::with_operator().await;
    let mut wrong = 0;
    loop {
        let answer = rig.log_in("wrong").await;
        assert!(
            answer.headers.get_all("set-cookie").iter().all(|c| !c.to_str().unwrap().contains("operator="))
        );
        if answer.status == StatusCode::TOO_MANY_REQUESTS {
            break;
        }
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
        wrong += 1;
        assert!(wrong < 20, "there is no end");
    }
    assert_eq!(wrong, 6);
    assert_eq!(rig.log_in(PASSWORD).await.status, StatusCode::TOO_MANY_REQUESTS);
    rig.clock.0.fetch_add(60, Ordering::Relaxed);
    // Right ones do not count.
    for _ in 0..8 {
        rig.inside().await;
    }
    let (cookie, _) = rig.form("/operate/login", "").await;
    let answer = rig.post("/operate/login", &cookie, &[("password", PASSWORD)]).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN, "a form of somebody else");
}

#[tokio::test]
async fn sessions_end_by_time_by_wish_and_with_the_password() {
    let rig = Rig::with_operator().await;
    let sees = async |cookie: &str| rig.get("/operate/switches", cookie).await.status == StatusCode::OK;
    let cookie = rig.inside().await;
    assert!(sees(&cookie).await);
    rig.clock.0.fetch_add(12 * 3600, Ordering::Relaxed);
    assert!(!sees(&cookie).await, "it has expired");

    let cookie = rig.inside().await;
    assert_eq!(rig.post("/operate/logout", &cookie, &[]).await.status, StatusCode::FORBIDDEN);
    assert!(sees(&cookie).await, "somebody else's form logs nobody out");
    let (_, token) = rig.form("/operate/switches", &cookie).await;
    let answer = rig.post("/operate/logout", &cookie, &[("token", &token)]).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    assert!(!sees(&cookie).await);

    let cookie = rig.inside().await;
    rig.store.set_operator_password("another").await.unwrap();
    assert!(!sees(&cookie).await);
}

#[tokio::test]
async fn switches_move_only_with_the_token() {
    let rig = Rig::with_operator().await;
    let cookie = rig.inside().await;
    let (_, token) = rig.form("/operate/switches", &cookie).await;
    let (_, stranger) = rig.form("/operate/login", "").await;
    for wrong in ["", &stranger] {
        let form = [("token", wrong), ("what", "notice"), ("text", "x")];
        assert_eq!(rig.post("/operate/switches", &cookie, &form).await.status, StatusCode::FORBIDDEN);
    }
    assert!(rig.done.lock().unwrap().is_empty());
    let moved =
        rig.post("/operate/switches", &cookie, &[("token", &token), ("what", "http"), ("level", "3")]).await;
    assert_eq!(moved.status, StatusCode::OK);
    moved.assert_harmless();
    assert_eq!(*rig.done.lock().unwrap(), [Switch::Http { level: 3 }]);
    let refused =
        rig.post("/operate/switches", &cookie, &[("token", &token), ("what", "log"), ("text", "x")]).await;
    assert!(refused.body.contains("class=\"bad\""), "{}", refused.body);
    for form in [
        &[("token", token.as_str()), ("what", "http"), ("level", "9")][..],
        &[("token", &token), ("what", "fly")],
        &[("token", &token), ("what", "http"), ("level", "many")],
        &[("token", &token), ("what", "notice"), ("text", &"x".repeat(2000))],
        &[("token", &token), ("what", "notice"), ("text", &"x".repeat(20_000))],
    ] {
        assert!(rig.post("/operate/switches", &cookie, form).await.status.is_client_error());
    }
    assert_eq!(rig.done.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn a_page_lives_as_long_as_its_session() {
    let rig = Rig::with_operator().await;
    let cookie = rig.inside().await;
    heard(&rig, &cookie).await;
    let response = rig.begin(request(Method::GET, "/operate/live/sessions?agent=script", &cookie, "")).await;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut body = response.into_body();
    let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
    let first = String::from_utf8(first.to_vec()).unwrap();
    assert!(first.starts_with("data:") && first.contains("<table "), "{first}");
    assert!(!first.contains("<script>"), "{first}");
    rig.store.set_operator_password("another").await.unwrap();
    while let Some(frame) = body.frame().await {
        frame.unwrap();
    }
}

#[tokio::test]
async fn a_page_lives_on_while_nobody_knows_who_is_inside() {
    let rig = Rig::with_operator().await;
    let cookie = rig.inside().await;
    let mut body = rig.begin(request(Method::GET, "/operate/live/map", &cookie, "")).await.into_body();
    body.frame().await.unwrap().unwrap();
    rig.store.close().await;
    tokio::time::pause();
    // Nothing comes but signs of life.
    let ended = async {
        while let Some(frame) = body.frame().await {
            assert!(frame.unwrap().into_data().unwrap().starts_with(b":"));
        }
    };
    assert!(tokio::time::timeout(std::time::Duration::from_secs(60), ended).await.is_err());
}

#[tokio::test]
async fn filters_leave_out_what_is_not_wanted() {
    let rig = Rig::with_operator().await;
    let cookie = rig.inside().await;
    heard(&rig, &cookie).await;
    for (query, there) in [
        ("agent=SCRIPT", true),
        ("agent=00000000-0000-0000-0000-000000000007", true),
        ("agent=nobody", false),
        ("region=alert", true),
        ("region=nowhere", false),
        ("outcome=failed", true),
        ("outcome=arrived", false),
        ("slower=0", true),
        ("slower=1", false),
        ("slower=soon", true),
    ] {
        let page = rig.get(&format!("/operate/transfers?{query}"), &cookie).await;
        assert_eq!(page.body.contains("000000000001-s4"), there, "{query}");
        page.assert_harmless();
    }
}

#[tokio::test]
async fn pages_that_live_are_bounded() {
    let rig = Rig::with_operator().await;
    let cookie = rig.inside().await;
    let mut open = Vec::new();
    loop {
        let response = rig.begin(request(Method::GET, "/operate/live/metrics", &cookie, "")).await;
        if response.status() == StatusCode::TOO_MANY_REQUESTS {
            break;
        }
        open.push(response);
        assert!(open.len() <= crate::live::STREAMS);
    }
    assert_eq!(open.len(), crate::live::STREAMS);
    // By this the script knows whether it is to try again, or the session is over.
    for (cookie, status) in [(cookie.as_str(), StatusCode::TOO_MANY_REQUESTS), ("", StatusCode::UNAUTHORIZED)]
    {
        let asked = request(Method::HEAD, "/operate/live/metrics", cookie, "");
        assert_eq!(rig.begin(asked).await.status(), status);
    }
    open.pop();
    let asked = request(Method::HEAD, "/operate/live/metrics", &cookie, "");
    assert_eq!(rig.begin(asked).await.status(), StatusCode::OK, "and it takes no room");
    let response = rig.begin(request(Method::GET, "/operate/live/metrics", &cookie, "")).await;
    assert_eq!(response.status(), StatusCode::OK);
}

#[tokio::test]
async fn all_processes_of_a_grid_know_who_is_inside_and_who_tried() {
    let one = Rig::with_operator().await;
    let other = one.another_process();
    let cookie = one.inside().await;
    let page = other.get("/operate/switches", &cookie).await;
    assert_eq!(page.status, StatusCode::OK);
    let token = page.token();
    let moved = [("token", token.as_str()), ("what", "http"), ("level", "1")];
    assert_eq!(one.post("/operate/switches", &cookie, &moved).await.status, StatusCode::OK);
    for n in 0..6 {
        let asked = if n % 2 == 0 { &one } else { &other };
        assert_eq!(asked.log_in("wrong").await.status, StatusCode::FORBIDDEN);
    }
    for asked in [&one, &other] {
        assert_eq!(asked.log_in("wrong").await.status, StatusCode::TOO_MANY_REQUESTS);
    }
}
