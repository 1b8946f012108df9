# SPDX-License-Identifier: ISC
{ lib
, stdenv
, autoconf
, pkg-config
, protobufc
, cmocka
, inih
, libevent
, libseccomp
, llhttp
, lmdb
, msgpack-c
, nghttp2
, openssl
}:

stdenv.mkDerivation {
  pname = "data-mesher";
  version = lib.fileContents ../../VERSION;
  src = lib.cleanSource ../..;

  nativeBuildInputs = [ autoconf pkg-config protobufc ];
  buildInputs = [
    cmocka
    inih
    libevent
    libseccomp
    llhttp
    lmdb
    msgpack-c
    nghttp2
    openssl
    protobufc
  ];

  preConfigure = "autoconf";
  # dmctl looks where the module puts dm.toml
  configureFlags = [ "--sysconfdir=/etc" ];
  enableParallelBuilding = true;

  meta = {
    description = "Keeps small signed files the same on every node of a mesh";
    license = lib.licenses.isc;
    mainProgram = "data-mesher";
    platforms = lib.platforms.linux;
  };
}
