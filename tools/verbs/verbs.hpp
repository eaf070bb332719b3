// SPDX-License-Identifier: Apache-2.0
// Every verb's definition: adds its options to `command` and answers what runs it. One file each.
#pragma once

#include "tools/verb.hpp"

namespace ukey::ctl {

Run define_status(CLI::App& command);
Run define_watch(CLI::App& command);
Run define_key_list(CLI::App& command);
Run define_key_show(CLI::App& command);
Run define_key_bind(CLI::App& command);
Run define_key_release(CLI::App& command);
Run define_key_return(CLI::App& command);
Run define_key_replace(CLI::App& command);
Run define_org_import(CLI::App& command);
Run define_org_list(CLI::App& command);
Run define_org_show(CLI::App& command);
Run define_session_list(CLI::App& command);
Run define_session_show(CLI::App& command);
Run define_report_month(CLI::App& command);
Run define_report_export_month(CLI::App& command);
Run define_audit_export(CLI::App& command);
Run define_audit_checkpoint(CLI::App& command);
Run define_audit_archive(CLI::App& command);
Run define_audit_remove_personal_data(CLI::App& command);
Run define_audit_verify(CLI::App& command);
Run define_workstation_rotate_key(CLI::App& command);
Run define_workstation_show(CLI::App& command);
Run define_pin_status(CLI::App& command);
Run define_pin_change(CLI::App& command);
Run define_pin_allow_last_try(CLI::App& command);
Run define_config_check(CLI::App& command);
Run define_config_show(CLI::App& command);
Run define_config_reload(CLI::App& command);
Run define_state_backup(CLI::App& command);
Run define_state_restore(CLI::App& command);
Run define_setup_p11_kit(CLI::App& command);
Run define_setup_nss(CLI::App& command);
Run define_setup_openssl(CLI::App& command);
Run define_setup_ssh(CLI::App& command);
Run define_explain(CLI::App& command);
Run define_district_init(CLI::App& command);
Run define_district_enrol(CLI::App& command);
Run define_district_import(CLI::App& command);
Run define_district_platform_import(CLI::App& command);
Run define_district_status(CLI::App& command);
Run define_district_report(CLI::App& command);
Run define_doctor(CLI::App& command);
Run define_diagnose(CLI::App& command);

} // namespace ukey::ctl
