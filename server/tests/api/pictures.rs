//! Pictures that are kept with their analyses, or are not.

use http::Method;
use protocol::analysis::AnalysisDocument;
use server::store::Tx;

use crate::analysis::{blank_png, signed_in};
use crate::on_both;
use crate::support::{Machine, Reply, TestServer};

on_both!(
    a_kept_picture_is_its_owners_alone,
    a_kept_picture_is_sealed_for_its_own_analysis,
    nothing_is_kept_unless_the_operator_wants_it,
);

/// Somebody at a machine.
struct Desk {
    machine: Machine,
    token: String,
}

impl Desk {
    /// Asks about a picture; gives the analysis' id.
    async fn ask(&self, server: &TestServer, image: &[u8]) -> String {
        let post = server.post("/native/analyze").certificate(&self.machine.der).bearer(&self.token);
        let reply = post.multipart(&[("image", Some("x"), image)]).send().await;
        reply.json::<AnalysisDocument>().done.analysis_id
    }

    async fn send(&self, server: &TestServer, method: Method, path: &str) -> Reply {
        server.exchange(method, path).certificate(&self.machine.der).bearer(&self.token).send().await
    }

    async fn image(&self, server: &TestServer, id: &str) -> Reply {
        self.send(server, Method::GET, &format!("/native/analyses/{id}/image")).await
    }

    async fn says_kept(&self, server: &TestServer, id: &str) -> bool {
        let one = self.send(server, Method::GET, &format!("/native/analyses/{id}")).await;
        let one: serde_json::Value = one.json();
        let all: Vec<serde_json::Value> = self.send(server, Method::GET, "/native/analyses").await.json();
        let listed = all.into_iter().find(|a| a["id"] == id).unwrap();
        assert_eq!(one["image_kept"], listed["image_kept"]);
        one["image_kept"].as_bool().unwrap()
    }
}

async fn keeping(server: &TestServer) -> TestServer {
    server.restarted_with(&[("AIWE_SCREENSHOTS__KEEP", "true")]).await
}

async fn kept_rows(server: &TestServer) -> i64 {
    let sql = "SELECT COUNT(*) FROM kept_picture";
    match &mut server.state.env.store.read().await.unwrap() {
        Tx::Sqlite(tx) => sqlx::query_scalar(sql).fetch_one(&mut **tx).await.unwrap(),
        Tx::Postgres(tx) => sqlx::query_scalar(sql).fetch_one(&mut **tx).await.unwrap(),
    }
}

async fn nothing_is_kept_unless_the_operator_wants_it(server: TestServer) {
    let (machine, token) = signed_in(&server).await;
    let desk = Desk { machine, token };
    let id = desk.ask(&server, &blank_png(64, 64)).await;
    assert_eq!(kept_rows(&server).await, 0);
    assert!(!desk.says_kept(&server, &id).await);
    assert_eq!(desk.image(&server, &id).await.problem().status, 404);

    // Switched on and off again: what was kept meanwhile stays, nothing new is.
    let on = keeping(&server).await;
    let kept = desk.ask(&on, &blank_png(64, 64)).await;
    assert!(desk.says_kept(&on, &kept).await && !desk.says_kept(&on, &id).await);
    let off = on.restarted_with(&[]).await;
    desk.ask(&off, &blank_png(64, 64)).await;
    assert_eq!(kept_rows(&off).await, 1);
    assert_eq!(desk.image(&off, &kept).await.status, 200);
}

async fn a_kept_picture_is_its_owners_alone(server: TestServer) {
    let admin = server.administrator().await;
    let mut desks = Vec::new();
    for email in ["anna@example.org", "ben@example.org"] {
        let machine = server.machine(&admin, email).await;
        let token = server.token(&machine).await;
        desks.push(Desk { machine, token });
    }
    let [anna, ben] = &desks[..] else { unreachable!("two desks") };
    let server = keeping(&server).await;
    let png = blank_png(80, 60);
    let mut jpeg = std::io::Cursor::new(Vec::new());
    image::RgbImage::new(80, 60).write_to(&mut jpeg, image::ImageFormat::Jpeg).unwrap();
    let jpeg = jpeg.into_inner();
    for (bytes, kind) in [(&png, "image/png"), (&jpeg, "image/jpeg")] {
        let id = anna.ask(&server, bytes).await;
        let reply = anna.image(&server, &id).await;
        assert_eq!((reply.status.as_u16(), &reply.body), (200, bytes));
        assert_eq!(reply.headers["content-type"], kind);
        assert_eq!(reply.headers["cache-control"], "no-store");
        assert_eq!(reply.headers["x-content-type-options"], "nosniff");
        let path = format!("/native/analyses/{id}/image");
        let (foreign, unknown) = (ben.image(&server, &id).await, ben.image(&server, "nothing").await);
        assert_eq!(foreign.problem(), unknown.problem());
        assert_eq!(foreign.problem().status, 404);
        assert_eq!(server.get(&path).certificate(&anna.machine.der).send().await.problem().status, 401);
        assert_eq!(server.get(&path).bearer(&anna.token).send().await.problem().status, 403);
    }
    let id = anna.ask(&server, &png).await;
    let rows = kept_rows(&server).await;
    let path = format!("/native/analyses/{id}");
    assert_eq!(ben.send(&server, Method::DELETE, &path).await.problem().status, 404);
    assert_eq!(kept_rows(&server).await, rows);
    assert_eq!(anna.send(&server, Method::DELETE, &path).await.status, 204);
    assert_eq!(kept_rows(&server).await, rows - 1, "it goes with its analysis");
    assert_eq!(anna.image(&server, &id).await.problem().status, 404);
}

async fn a_kept_picture_is_sealed_for_its_own_analysis(server: TestServer) {
    let (machine, token) = signed_in(&server).await;
    let desk = Desk { machine, token };
    let server = keeping(&server).await;
    let png = blank_png(64, 64);
    let (one, other) = (desk.ask(&server, &png).await, desk.ask(&server, &blank_png(32, 32)).await);
    let mut tx = server.state.env.store.begin().await.unwrap();
    let owner = tx.certificate(&desk.machine.certificate_id).await.unwrap().unwrap().account_id;
    let sealed = tx.kept_picture_of(&owner, &one).await.unwrap().unwrap();
    assert!(sealed.len() > png.len());
    assert!(
        !sealed.windows(8).any(|w| w == b"\x89PNG\r\n\x1a\n") && !sealed.windows(4).any(|w| w == b"IDAT")
    );

    // Whoever can write to the database cannot show one person's picture to another.
    let sql = "UPDATE kept_picture SET picture_sealed = $1 WHERE analysis_id = $2";
    match &mut tx {
        Tx::Sqlite(tx) => {
            sqlx::query(sql).bind(sealed).bind(&other).execute(&mut **tx).await.unwrap();
        }
        Tx::Postgres(tx) => {
            sqlx::query(sql).bind(sealed).bind(&other).execute(&mut **tx).await.unwrap();
        }
    }
    tx.commit().await.unwrap();
    assert_eq!(desk.image(&server, &other).await.problem().status, 500);
    assert_eq!(desk.image(&server, &one).await.body, png);
}
