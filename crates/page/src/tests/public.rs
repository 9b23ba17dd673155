use super::*;
use services::ViewerPassword;

const PASSWORD: &str = "correct horse";

fn filled<'a>(token: &'a str, first: &'a str, password: &'a str) -> [(&'a str, &'a str); 6] {
    [
        ("token", token),
        ("first", first),
        ("last", "Lovelace"),
        ("email", "ada@example.org"),
        ("password", password),
        ("again", password),
    ]
}

#[tokio::test]
async fn everybody_sees_the_grid_and_nothing_harmful() {
    let rig = Rig::new().await;
    // Viewers add who they are.
    for path in ["/?lang=en&version=7.1&channel=x&grid=y", "/map", "/signup"] {
        let page = rig.get(path, "").await;
        assert_eq!(page.status, StatusCode::OK, "{path}");
        assert_eq!(page.header("cache-control"), "no-store");
        page.assert_guarded();
        page.assert_harmless();
        assert!(page.body.contains("&#60;script&#62;"), "{}", page.body);
    }
    assert!(rig.get("/", "").await.body.contains("Plaza"));
}

#[tokio::test]
async fn files_have_their_hash_in_their_name() {
    let rig = Rig::new().await;
    let page = rig.get("/", "").await.body;
    let (_, rest) = page.split_once("rel=\"stylesheet\" href=\"").unwrap();
    let css = rest.split('"').next().unwrap();
    let answer = rig.get(css, "").await;
    assert_eq!((answer.status, answer.header("content-type")), (StatusCode::OK, "text/css; charset=utf-8"));
    assert!(answer.header("cache-control").contains("immutable"));
    answer.assert_guarded();
    assert_eq!(rig.get("/look/page-000000000000.css", "").await.status, StatusCode::NOT_FOUND);
    assert_eq!(rig.get("/tile/1/2", "").await.header("content-type"), "image/svg+xml");
}

#[tokio::test]
async fn whoever_signs_up_has_an_account() {
    let rig = Rig::new().await;
    let (cookie, token) = rig.form("/signup", "").await;
    let made = rig.post("/signup", &cookie, &filled(&token, "Ada", PASSWORD)).await;
    assert_eq!(made.status, StatusCode::CREATED);
    assert!(made.body.contains("Welcome, Ada Lovelace"), "{}", made.body);
    let services = rig.store.services();
    let account = services.accounts.by_name("Ada", "Lovelace").await.unwrap().unwrap();
    assert_eq!(account.email, "ada@example.org");
    assert!(services.auth.verify(account.id, &ViewerPassword::from_plain(PASSWORD)).await.unwrap());
    let again = rig.post("/signup", &cookie, &filled(&token, "Ada", PASSWORD)).await;
    assert_eq!(again.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(again.body.contains("role=\"alert\""), "{}", again.body);
}

#[tokio::test]
async fn forms_of_others_and_odd_ones_make_nothing() {
    let rig = Rig::new().await;
    let (cookie, token) = rig.form("/signup", "").await;
    let (_, stranger) = rig.form("/signup", "").await;
    for (cookie, token) in
        [("", token.as_str()), (&cookie, ""), (&cookie, &stranger), ("sojourn-signup=1", &token)]
    {
        let answer = rig.post("/signup", cookie, &filled(token, "Ada", PASSWORD)).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{cookie} {token}");
    }
    let long = "x".repeat(129);
    for (first, password) in [
        ("", PASSWORD),
        ("Ada King", PASSWORD),
        (HOSTILE, PASSWORD),
        (&"x".repeat(32), PASSWORD),
        ("Ada", "short"),
        ("Ada", &long),
    ] {
        let answer = rig.post("/signup", &cookie, &filled(&token, first, password)).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{first} {password}");
        answer.assert_harmless();
    }
    let mut differing = filled(&token, "Ada", PASSWORD);
    differing[5].1 = "another one";
    assert_eq!(rig.post("/signup", &cookie, &differing).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    let much = "x".repeat(20_000);
    let answer = rig.post("/signup", &cookie, &filled(&token, &much, PASSWORD)).await;
    assert!(answer.status.is_client_error());
    assert!(rig.store.services().accounts.list(None, 9).await.unwrap().is_empty());
}

#[tokio::test]
async fn one_address_makes_some_accounts_and_no_more() {
    let rig = Rig::new().await;
    let (cookie, token) = rig.form("/signup", "").await;
    let mut made = 0;
    loop {
        let answer = rig.post("/signup", &cookie, &filled(&token, &format!("N{made}"), PASSWORD)).await;
        if answer.status == StatusCode::TOO_MANY_REQUESTS {
            assert!(answer.body.contains("try again in 15 min"), "{}", answer.body);
            break;
        }
        assert_eq!(answer.status, StatusCode::CREATED);
        made += 1;
        assert!(made < 20, "there is no end");
    }
    assert_eq!(made, 8);
    // What was counted is the grid's, so another process of it has counted the same; and it is forgotten.
    rig.clock.0.fetch_add(900, Ordering::Relaxed);
    let answer = rig.post("/signup", &cookie, &filled(&token, "Late", PASSWORD)).await;
    assert_eq!(answer.status, StatusCode::CREATED);
}

#[tokio::test]
async fn where_nobody_may_sign_up_there_is_no_form() {
    let rig = Rig::with(false).await;
    assert_eq!(rig.get("/signup", "").await.status, StatusCode::NOT_FOUND);
    assert!(!rig.get("/", "").await.body.contains("signup"));
}

#[tokio::test]
async fn the_pages_outlive_the_database_for_a_while() {
    let rig = Rig::new().await;
    let another = rig.another_process();
    for path in ["/", "/map"] {
        assert_eq!(rig.get(path, "").await.status, StatusCode::OK, "{path}");
    }
    rig.store.close().await;
    tokio::time::pause();
    for wait_s in [0, 1, 8, 60] {
        tokio::time::advance(std::time::Duration::from_secs(wait_s)).await;
        for path in ["/", "/map"] {
            let page = rig.get(path, "").await;
            assert_eq!(page.status, StatusCode::OK, "{path} after {wait_s} s");
            assert!(page.body.contains("Plaza"), "{}", page.body);
            let none = another.get(path, "").await;
            assert_eq!(none.status, StatusCode::SERVICE_UNAVAILABLE, "{path} after {wait_s} s");
        }
    }
}
