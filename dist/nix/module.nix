# SPDX-License-Identifier: ISC
# services.data-mesher: the options of the original's module, so that its users
# change the flake input and nothing else.
self:
{ config, lib, pkgs, ... }:

let
  cfg = config.services.data-mesher;
  toml = pkgs.formats.toml { };

  # `user` is who owns the files: dm-store runs as it.
  settings = lib.recursiveUpdate
    {
      state_dir = "/var/lib/data-mesher";
      store_user = cfg.user;
      group = cfg.group;
    }
    cfg.settings;

  configFile = toml.generate "dm.toml" settings;
  # "a/b": [ "a" "a/b" ]
  parents = dir:
    let parts = lib.splitString "/" dir; in
    map (n: lib.concatStringsSep "/" (lib.take n parts))
      (lib.range 1 (lib.length parts));
  clusterPort = settings.cluster.port or 7946;
  httpPort = settings.http.port or 7331;
in
{
  options.services.data-mesher = {
    enable = lib.mkEnableOption "dmd, which keeps signed files the same on every node";

    package = lib.mkOption {
      type = lib.types.package;
      default = self.packages.${pkgs.stdenv.hostPlatform.system}.data-mesher;
      defaultText = lib.literalExpression "data-mesher";
      description = "The package that provides dmd and dmctl.";
    };

    openFirewall = lib.mkOption {
      type = lib.types.bool;
      default = false;
      description = "Whether to open the ports for peers and for HTTP.";
    };

    user = lib.mkOption {
      type = lib.types.str;
      default = "_dmstore";
      description = "The user that owns the files (store_user).";
    };

    group = lib.mkOption {
      type = lib.types.str;
      default = "data-mesher";
      description = "The group that reads the files and may use the control socket.";
    };

    pluginDirectories = lib.mkOption {
      type = lib.types.listOf lib.types.str;
      default = [ ];
      description = "Sub-directories of files/ that exist from the start.";
    };

    settings = lib.mkOption {
      type = lib.types.submodule { freeformType = toml.type; };
      default = { };
      example = lib.literalExpression ''
        {
          http.interface = "tailscale0";
          files."app-config" = [ "P6AE0lukf9/qmVglYrGPNYo5ZnpFrnqLeAzlCZF0lTk=" ];
        }
      '';
      description = "The contents of dm.toml; see dm.toml(5).";
    };
  };

  config = lib.mkIf cfg.enable {
    environment.systemPackages = [ cfg.package ];
    environment.etc."data-mesher/dm.toml".source = configFile;

    users.groups = {
      ${cfg.group} = { };
      _dmnet = { };
      _dmres = { };
    };
    users.users = lib.mkMerge [
      {
        _dmnet = { isSystemUser = true; group = "_dmnet"; };
        _dmres = { isSystemUser = true; group = "_dmres"; };
      }
      (lib.mkIf (cfg.user == "_dmstore") {
        _dmstore = { isSystemUser = true; group = cfg.group; };
      })
    ];

    networking.firewall = lib.mkIf cfg.openFirewall {
      allowedTCPPorts = [ clusterPort httpPort ];
    };

    # with the owners that dmd wants: a parent that tmpfiles made by itself
    # would be root's, and dmd would not start
    systemd.tmpfiles.rules = lib.optionals (cfg.pluginDirectories != [ ]) ([
      "d ${settings.state_dir} 0750 root ${cfg.group} -"
      "d ${settings.state_dir}/files 2750 ${cfg.user} ${cfg.group} -"
    ] ++ map
      (dir: "d ${settings.state_dir}/files/${dir} 2750 ${cfg.user} ${cfg.group} -")
      (lib.unique (lib.concatMap parents cfg.pluginDirectories)));

    systemd.services.data-mesher = {
      description = "Keeps signed files the same on every node of a mesh";
      documentation = [ "man:dmd(8)" ];
      wantedBy = [ "multi-user.target" ];
      wants = [ "network-online.target" ];
      after = [ "network-online.target" ];
      reloadTriggers = [ configFile ];
      startLimitIntervalSec = 0;
      serviceConfig = {
        Type = "notify";
        NotifyAccess = "main";
        ExecStart = "${cfg.package}/sbin/dmd -d -f /etc/data-mesher/dm.toml";
        ExecReload = "${cfg.package}/bin/dmctl reload";
        # the rest is as in dist/systemd/dmd.service.in, which says why
        Restart = "on-failure";
        RestartSec = 1;
        RestartPreventExitStatus = "64 67 77 78";
        WatchdogSec = 30;
        TimeoutStopSec = 90;
        Group = cfg.group;
        StateDirectory = "data-mesher";
        StateDirectoryMode = "0750";
        RuntimeDirectory = "dmd";
        RuntimeDirectoryMode = "0755";
        ReadWritePaths = map (dir: "-${dir}") (
          lib.optional (settings.state_dir != "/var/lib/data-mesher")
            settings.state_dir
          ++ lib.optional (settings ? control_socket)
            (dirOf settings.control_socket));
        UMask = "0077";
        CapabilityBoundingSet = [
          "CAP_SETUID"
          "CAP_SETGID"
          "CAP_SETPCAP"
          "CAP_SYS_CHROOT"
          "CAP_KILL"
          "CAP_CHOWN"
        ] ++ lib.optional (clusterPort < 1024 || httpPort < 1024)
          "CAP_NET_BIND_SERVICE";
        NoNewPrivileges = true;
        LockPersonality = true;
        MemoryDenyWriteExecute = true;
        PrivateDevices = true;
        PrivateMounts = true;
        PrivateTmp = true;
        ProcSubset = "pid";
        ProtectClock = true;
        ProtectControlGroups = true;
        ProtectHome = true;
        ProtectHostname = true;
        ProtectKernelLogs = true;
        ProtectKernelModules = true;
        ProtectKernelTunables = true;
        ProtectProc = "invisible";
        ProtectSystem = "strict";
        RemoveIPC = true;
        RestrictAddressFamilies = [ "AF_INET" "AF_INET6" "AF_UNIX" "AF_NETLINK" ];
        RestrictNamespaces = true;
        RestrictRealtime = true;
        SystemCallArchitectures = "native";
        SystemCallFilter = [
          "@system-service @setuid seccomp landlock_create_ruleset landlock_add_rule landlock_restrict_self chroot"
          "~@resources @obsolete"
          "prlimit64"
        ];
        SystemCallErrorNumber = "EPERM";
        LimitNOFILE = 65536;
      };
    };
  };
}
