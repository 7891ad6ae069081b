//! Storing screenshots with their analyses, or not.

use http::Method;
use protocol::analysis::AnalysisDocument;
use store::Tx;

use crate::analysis::{blank_png, signed_in};
use crate::on_both;
use crate::support::{Machine, Reply, TestServer};

on_both!(
    only_the_owner_sees_a_stored_screenshot,
    a_stored_screenshot_is_bound_to_its_analysis,
    nothing_is_stored_by_default,
);

/// A signed-in user of a machine.
struct Client {
    machine: Machine,
    token: String,
}

impl Client {
    /// Asks about an image; returns the analysis's id.
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

    async fn reports_stored(&self, server: &TestServer, id: &str) -> bool {
        let one = self.send(server, Method::GET, &format!("/native/analyses/{id}")).await;
        let one: serde_json::Value = one.json();
        let all: Vec<serde_json::Value> = self.send(server, Method::GET, "/native/analyses").await.json();
        let listed = all.into_iter().find(|a| a["id"] == id).unwrap();
        assert_eq!(one["image_kept"], listed["image_kept"]);
        one["image_kept"].as_bool().unwrap()
    }
}

async fn storing(server: &TestServer) -> TestServer {
    server.restarted_with(&[("AIWE_SCREENSHOTS__KEEP", "true")]).await
}

async fn stored_rows(server: &TestServer) -> i64 {
    let sql = "SELECT COUNT(*) FROM kept_picture";
    match &mut server.state.env.store.read().await.unwrap() {
        Tx::Sqlite(tx) => sqlx::query_scalar(sql).fetch_one(&mut **tx).await.unwrap(),
        Tx::Postgres(tx) => sqlx::query_scalar(sql).fetch_one(&mut **tx).await.unwrap(),
    }
}

async fn nothing_is_stored_by_default(server: TestServer) {
    let (machine, token) = signed_in(&server).await;
    let client = Client { machine, token };
    let id = client.ask(&server, &blank_png(64, 64)).await;
    assert_eq!(stored_rows(&server).await, 0);
    assert!(!client.reports_stored(&server, &id).await);
    assert_eq!(client.image(&server, &id).await.problem().status, 404);

    // Switched on and off again: the image stored in between stays, later ones are not stored.
    let on = storing(&server).await;
    let stored = client.ask(&on, &blank_png(64, 64)).await;
    assert!(client.reports_stored(&on, &stored).await && !client.reports_stored(&on, &id).await);
    let off = on.restarted_with(&[]).await;
    client.ask(&off, &blank_png(64, 64)).await;
    assert_eq!(stored_rows(&off).await, 1);
    assert_eq!(client.image(&off, &stored).await.status, 200);
}

async fn only_the_owner_sees_a_stored_screenshot(server: TestServer) {
    let admin = server.administrator().await;
    let mut clients = Vec::new();
    for email in ["anna@example.org", "ben@example.org"] {
        let machine = server.machine(&admin, email).await;
        let token = server.token(&machine).await;
        clients.push(Client { machine, token });
    }
    let [anna, ben] = &clients[..] else { unreachable!("two clients") };
    let server = storing(&server).await;
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
    let rows = stored_rows(&server).await;
    let path = format!("/native/analyses/{id}");
    assert_eq!(ben.send(&server, Method::DELETE, &path).await.problem().status, 404);
    assert_eq!(stored_rows(&server).await, rows);
    assert_eq!(anna.send(&server, Method::DELETE, &path).await.status, 204);
    assert_eq!(stored_rows(&server).await, rows - 1, "it is deleted with its analysis");
    assert_eq!(anna.image(&server, &id).await.problem().status, 404);
}

async fn a_stored_screenshot_is_bound_to_its_analysis(server: TestServer) {
    let (machine, token) = signed_in(&server).await;
    let client = Client { machine, token };
    let server = storing(&server).await;
    let png = blank_png(64, 64);
    let (one, other) = (client.ask(&server, &png).await, client.ask(&server, &blank_png(32, 32)).await);
    let mut tx = server.state.env.store.begin().await.unwrap();
    let owner = tx.certificates().find(&client.machine.certificate_id).await.unwrap().unwrap().account_id;
    let sealed = tx.analyses().screenshot(&owner, &one.parse().unwrap()).await.unwrap().unwrap();
    assert!(sealed.len() > png.len());
    assert!(
        !sealed.windows(8).any(|w| w == b"\x89PNG\r\n\x1a\n") && !sealed.windows(4).any(|w| w == b"IDAT")
    );

    // Write access to the database is not enough to show one user's image to another.
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
    assert_eq!(client.image(&server, &other).await.problem().status, 500);
    assert_eq!(client.image(&server, &one).await.body, png);
}
