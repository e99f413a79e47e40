//! `GET /api/v1/users/me/export`: a ZIP that is made while it is sent, so that it takes little memory however much there is.

mod archive;
mod rows;

use std::collections::VecDeque;

use actix_web::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, get, web};
use domain::accounts::Caller;
use domain::time::Span;
use futures_util::stream::try_unfold;
use services::accounts::ExportedAccount;
use services::reports::Export;
use utoipa::ToSchema;

use crate::Services;
use crate::address::ClientAddress;
use crate::caller::Bearer;
use crate::problem::Problem;
use crate::query::Query;

use archive::Archive;
use rows::{Format, Table};

/// The archive, byte for byte.
#[derive(ToSchema)]
#[schema(as = Archive, value_type = String, format = Binary)]
#[expect(dead_code, reason = "tells what the answer is; it is written part by part")]
pub(crate) struct ArchiveBody(Vec<u8>);

/// Export everything that is kept of oneself
///
/// A ZIP of `account.json` (profile, devices, API keys without what is secret, privacy rules, security log), `security_log.csv`, and the timeline as `timeline.csv` and
/// `timeline.json`, in pieces that end at UTC midnights; the heartbeats as they came, as `heartbeats.csv` and `heartbeats.json`; and what is kept of ActivityWatch's watchers, as `activitywatch.csv` and `activitywatch.json`. In the CSV files, text that a spreadsheet would take for a formula begins with `'`.
#[utoipa::path(
    operation_id = "export_account",
    tag = "accounts",
    responses((
        status = 200,
        description = "The archive",
        content_type = "application/zip",
        body = ArchiveBody,
        headers(("Content-Disposition" = String, description = "An attachment with a name"))
    )),
    security(("access_token" = []))
)]
#[get("/api/v1/users/me/export")]
pub(crate) async fn download(
    request: HttpRequest,
    Bearer(caller): Bearer,
    services: web::Data<Services>,
) -> Result<HttpResponse, Problem> {
    Query::none(&request, Some(&caller))?;
    let address = Some(ClientAddress::of(&request).0);
    let account = services.export.account(&caller, address).await?;
    let making = Making::new(services.export.clone(), caller, account);
    let archive = try_unfold(making, |making| async move {
        making.next().await.map_err(|cause| {
            // The answer has begun, so all that can be told is that it ends too early.
            tracing::error!(error = cause, "an export was broken off");
            std::io::Error::other("the export was broken off")
        })
    });
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "application/zip"))
        .insert_header((CONTENT_DISPOSITION, r#"attachment; filename="daybook-export.zip""#))
        .streaming(archive))
}

/// An archive that is being made.
struct Making {
    export: Export,
    caller: Caller,
    archive: Box<Archive>,
    todo: VecDeque<Todo>,
}

/// What is still to be written.
enum Todo {
    Account(Box<ExportedAccount>),
    Begin(Table),
    Rows(Table, Span),
    End(Table),
    Finish,
}

impl Making {
    fn new(export: Export, caller: Caller, account: ExportedAccount) -> Self {
        let windows = export.windows(&account.user);
        let whole = |table| {
            let rows = windows.iter().map(move |window| Todo::Rows(table, *window));
            [Todo::Begin(table)].into_iter().chain(rows).chain([Todo::End(table)])
        };
        let tables = [
            Table::Timeline(Format::Csv),
            Table::Timeline(Format::Json),
            Table::Heartbeats(Format::Csv),
            Table::Heartbeats(Format::Json),
            Table::Watched(Format::Csv),
            Table::Watched(Format::Json),
        ];
        let todo = tables.into_iter().flat_map(whole).chain([Todo::Finish]);
        Self {
            todo: [Todo::Account(Box::new(account))].into_iter().chain(todo).collect(),
            export,
            caller,
            archive: Box::default(),
        }
    }

    /// The next part, once there are some bytes of it; nothing at the end.
    async fn next(mut self) -> Result<Option<(Bytes, Self)>, String> {
        while let Some(todo) = self.todo.pop_front() {
            self.write(todo).await?;
            let bytes = self.archive.take();
            if !bytes.is_empty() {
                return Ok(Some((bytes, self)));
            }
        }
        Ok(None)
    }

    async fn write(&mut self, todo: Todo) -> Result<(), String> {
        let archive = &mut self.archive;
        let written = match todo {
            Todo::Account(account) => archive
                .file("account.json", &rows::account_json(&account))
                .and_then(|()| archive.file("security_log.csv", &rows::log_csv(&account.log))),
            Todo::Begin(table) => archive.begin(table.file()).and_then(|()| archive.write(table.head())),
            Todo::Rows(table, window) => {
                let is_first = !archive.has_rows();
                let rows = match table {
                    Table::Timeline(format) => {
                        let pieces = self.export.pieces(&self.caller, window).await;
                        pieces.map(|pieces| rows::pieces(format, &pieces, is_first))
                    }
                    Table::Heartbeats(format) => {
                        let heartbeats = self.export.heartbeats(&self.caller, window).await;
                        heartbeats.map(|heartbeats| rows::heartbeats(format, &heartbeats, is_first))
                    }
                    Table::Watched(format) => {
                        let events = self.export.watched(&self.caller, window).await;
                        events.map(|events| rows::watched(format, &events, is_first))
                    }
                };
                archive.write_rows(&rows.map_err(|error| error.chain())?)
            }
            Todo::End(table) => archive.write(table.format().tail()),
            Todo::Finish => archive.finish(),
        };
        written.map_err(|error| error.to_string())
    }
}
