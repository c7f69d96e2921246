#!/bin/sh
# Run once, when the volume is empty: a database for Keycloak and one for the sidecar, each with an owner of its own.
set -eu

psql --quiet --set ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" --dbname postgres <<'SQL'
\getenv keycloak_password KEYCLOAK_DB_PASSWORD
\getenv passwordless_password PASSWORDLESS_DB_PASSWORD
CREATE ROLE keycloak LOGIN PASSWORD :'keycloak_password';
CREATE ROLE passwordless LOGIN PASSWORD :'passwordless_password';
CREATE DATABASE keycloak OWNER keycloak;
CREATE DATABASE passwordless OWNER passwordless;
REVOKE CONNECT ON DATABASE keycloak FROM PUBLIC;
REVOKE CONNECT ON DATABASE passwordless FROM PUBLIC;
SQL
