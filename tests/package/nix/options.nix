# SPDX-License-Identifier: ISC
# The options of NixOS that dist/nix/module.nix sets, and what it takes from
# nixpkgs' packages, where only nixpkgs' lib is at hand.
{ lib }:
let
  tree = lib.mkOption {
    type = lib.types.attrsOf lib.types.anything;
    default = { };
  };
  list = lib.mkOption {
    type = lib.types.listOf lib.types.anything;
    default = [ ];
  };
  value = with lib.types; oneOf [
    bool
    int
    float
    str
    path
    (attrsOf value)
    (listOf value)
  ];
in
{
  pkgs = {
    stdenv.hostPlatform.system = "x86_64-linux";
    # the file is made by the test, of this text
    formats.toml = { }: {
      type = value;
      generate = name: settings: {
        inherit name;
        text = builtins.toJSON settings;
      };
    };
  };
  module = {
    options = {
      environment.systemPackages = list;
      environment.etc = tree;
      users.groups = tree;
      users.users = tree;
      networking.firewall.allowedTCPPorts = list;
      systemd.tmpfiles.rules = list;
      systemd.services = tree;
    };
  };
}
