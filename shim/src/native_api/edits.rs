//! What became of proposed edits, as this program reports it.

use http::Method;
use protocol::Problem;
use protocol::analysis::EditReport;

use super::NativeApiClient;
use super::analyze::path_of;

impl NativeApiClient {
    pub async fn report_edits(&self, analysis_id: &str, report: &EditReport) -> Result<(), Problem> {
        let path = path_of(analysis_id, "edits/outcome");
        let (token, request) = self.signed_request(Method::POST, &path)?;
        self.authorised(&token, request.json(report)).await.map(drop)
    }
}
